"""Cantonese, in traditional characters."""

# ruff: noqa: RUF001
# The signs of Chinese sentences look like ASCII ones and are meant.

from gateway.model.languages.form import Call, Ear, Language, Prompts, Written

LANGUAGE = Language(
    tags=("yue", "zh-yue", "zh-hk", "zh-mo", "zh-hant-hk", "zh-hant-mo"),
    severities={"info": "資訊", "warn": "警告", "critical": "嚴重"},
    prompts=Prompts(
        menu="請按1確認。按2同真人通話。",
        not_understood="對唔住，未能識別呢個按鍵。",
        noted="已經記錄。多謝。",
        connecting="而家幫你轉駁畀真人，請稍等。",
        no_operator="對唔住，而家冇人可以接聽。",
        goodbye="再見。",
        enter_pin="請輸入你嘅密碼，跟住撳井號掣。",
        wrong_pin="密碼唔啱。",
        operator_busy="人工線路而家好忙。撳1確認。",
        operator_absent="人工冇人接聽。撳1確認。",
    ),
    call=Call(
        alert="呢個係嚟自{license}嘅警報。級別：{severity}。{alert}",
        several="有{count}個嚟自{license}嘅警報。",
        one_of_several="警報{number}：{title}",
        others="另外仲有{count}個。",
        acknowledged="警報已經確認。多謝。再見。",
        already_acknowledged="{by}已經確認咗呢個警報。多謝。再見。",
        already_acknowledged_by_someone="呢個警報已經有人確認咗。多謝。再見。",
        over="呢個警報已經解除，唔使再處理。再見。",
        voice_note="{announcement}請回覆1確認，或者打開上一個訊息嘅連結。",
        whisper="{name}喺線上。{announcement}",
    ),
    written=Written(
        whatsapp_alert="🚨 嚟自{license}嘅警報，級別：{severity}\n\n{alert}\n\n撳呢度確認：{link}\n或者回覆 1。",
        taken="✅ {by}已經確認：{title}。你唔使處理。",
        resolved="✅ 來源已經解除：{title}。你唔使處理。",
        owner_report="⚠️ {license}嘅一個警報冇人確認。\n\n{title}\n\n{tried}",
        owner_tried="已經試過：",
        owner_tried_nobody="冇人可以通知：呢個許可證冇可以聯絡嘅聯絡人。",
        owner_others="另外仲有{count}個",
        owner_link="詳情：{link}",
        quota_voice_near="📊 {license} 已經用咗 {month} 語音分鐘嘅 {percent}%：{used} / {cap}。",
        quota_voice_spent="⛔ {license} 嘅 {month} 語音分鐘已經用晒：{used} / {cap}。"
        "呢個月內會略過語音訊息同電話，文字訊息照常發送。",
        quota_events_near="📊 {license} 已經用咗 {month} 警報數量嘅 {percent}%：{used} / {cap}。",
        quota_events_spent="⛔ {license} 嘅 {month} 警報數量已經用晒：{used} / {cap}。"
        "呢個月內之後嘅警報只會記錄，唔會再通知任何人。",
    ),
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
