"""Adapters of the outside services: one package per vendor, each implementing a port."""
