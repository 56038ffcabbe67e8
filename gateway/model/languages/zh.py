"""Mandarin Chinese, in simplified characters."""

# ruff: noqa: RUF001
# The signs of Chinese sentences look like ASCII ones and are meant.

from gateway.model.languages.form import Call, Ear, Language, Prompts, Written

LANGUAGE = Language(
    tags=("zh", "cmn"),
    severities={"info": "信息", "warn": "警告", "critical": "严重"},
    prompts=Prompts(
        menu="按1确认。按2与人工通话。",
        not_understood="对不起，无法识别该按键。",
        noted="已记录。谢谢。",
        connecting="正在为您转接人工，请稍候。",
        no_operator="对不起，目前没有人可以接听。",
        goodbye="再见。",
        enter_pin="请输入您的密码，然后按井号键。",
        wrong_pin="密码不正确。",
        operator_busy="人工线路正忙。按1确认。",
        operator_absent="人工没有接听。按1确认。",
    ),
    call=Call(
        alert="这是来自{license}的警报。级别：{severity}。{alert}",
        several="有{count}个来自{license}的警报。",
        one_of_several="警报{number}：{title}",
        others="另外还有{count}个。",
        acknowledged="警报已确认。谢谢。再见。",
        already_acknowledged="{by}已经确认了此警报。谢谢。再见。",
        already_acknowledged_by_someone="此警报已经有人确认。谢谢。再见。",
        over="此警报已解除，无需处理。再见。",
        voice_note="{announcement}请回复1确认，或打开上一条消息中的链接。",
        whisper="{name}在线上。{announcement}",
    ),
    written=Written(
        whatsapp_alert="🚨 来自{license}的警报，级别：{severity}\n\n{alert}\n\n点击确认：{link}\n或回复 1。",
        taken="✅ {by}已确认：{title}。您无需处理。",
        resolved="✅ 来源已解除：{title}。您无需处理。",
        owner_report="⚠️ {license}的一个警报无人确认。\n\n{title}\n\n{tried}",
        owner_tried="已尝试：",
        owner_tried_nobody="没有可通知的人：该许可没有可联系的联系人。",
        owner_others="另外还有{count}个",
        owner_link="详情：{link}",
        quota_voice_near="📊 {license} 已使用 {month} 语音分钟数的 {percent}%：{used} / {cap}。",
        quota_voice_spent="⛔ {license} 的 {month} 语音分钟数已用完：{used} / {cap}。"
        "本月内将跳过语音消息和电话，文字消息照常发送。",
        quota_events_near="📊 {license} 已使用 {month} 警报数量的 {percent}%：{used} / {cap}。",
        quota_events_spent="⛔ {license} 的 {month} 警报数量已用完：{used} / {cap}。"
        "本月内后续警报仅作记录，不再通知任何人。",
    ),
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
