"""What Tocsin knows, and the outside that it talks to."""
