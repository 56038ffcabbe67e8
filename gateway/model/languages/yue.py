"""Cantonese, in traditional characters."""

# The signs of Chinese sentences look like ASCII ones and are meant.

from gateway.model.languages.form import Ear, Language

LANGUAGE = Language(
    tags=("yue", "zh-yue", "zh-hk", "zh-mo", "zh-hant-hk", "zh-hant-mo"),
    ear=Ear(
        and_more="等等",
        link_to="連結{host}",
        link="連結",
        dot="點",
        at="at",
        plus="加",
        and_="同",
        ending_in="尾數{digits}",
        time="{hour}點{minute}分",
        full_hour="{hour}點",
        minute_below_ten="零{minute}",
        units={
            "%": "百分之{number}",
            "°C": "攝氏度",
            "°": "度",
            "km/h": "公里每小時",
            "km": "公里",
            "cm": "厘米",
            "mm": "毫米",
            "m": "米",
            "kg": "公斤",
            "ms": "毫秒",
            "s": "秒",
            "min": "分鐘",
            "h": "小時",
            "kW": "千瓦",
            "V": "伏",
        },
        full_stop="。",
        spaced=False,
    ),
)
