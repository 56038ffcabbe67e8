"""Mandarin Chinese, in simplified characters."""

# The signs of Chinese sentences look like ASCII ones and are meant.

from gateway.model.languages.form import Ear, Language

LANGUAGE = Language(
    tags=("zh", "cmn"),
    ear=Ear(
        and_more="等等",
        link_to="链接{host}",
        link="链接",
        dot="点",
        at="艾特",
        plus="加",
        and_="和",
        ending_in="尾号{digits}",
        time="{hour}点{minute}分",
        full_hour="{hour}点",
        minute_below_ten="零{minute}",
        units={
            "%": "百分之{number}",
            "°C": "摄氏度",
            "°": "度",
            "km/h": "公里每小时",
            "km": "公里",
            "cm": "厘米",
            "mm": "毫米",
            "m": "米",
            "kg": "公斤",
            "ms": "毫秒",
            "s": "秒",
            "min": "分钟",
            "h": "小时",
            "kW": "千瓦",
            "V": "伏",
        },
        full_stop="。",
        spaced=False,
    ),
)
