"""What an update of the Bot API means here. Pure."""

from telegram import CallbackQuery, Chat, Message, Update, User

from gateway.ports.owners import ButtonPressed, ChatAsked, ChatMoved, OwnerUpdate

# https://core.telegram.org/bots/api#update: what is asked for. Commands come as messages, and as posts in channels.
ALLOWED_UPDATES = ("callback_query", "message", "channel_post")

_FALLBACK_LANGUAGE = "en"


def read_update(update: Update) -> OwnerUpdate | None:
    """Return what happened; ``None`` for what is nothing to us."""
    if update.callback_query is not None:
        return _pressed(update.update_id, update.callback_query)
    message = update.message or update.channel_post
    if message is None:
        return None
    if message.migrate_to_chat_id is not None:
        return ChatMoved(
            update_id=update.update_id, chat=str(message.chat.id), new_chat=str(message.migrate_to_chat_id)
        )
    if _is_start(message):
        return ChatAsked(update_id=update.update_id, chat=str(message.chat.id), language=_language(message.from_user))
    return None


def _pressed(update_id: int, query: CallbackQuery) -> ButtonPressed | None:
    # A message that is too old to be read is still known by its chat and id. One sent by way of another chat is none
    # of ours: those have no message here.
    if query.message is None or query.data is None:
        return None
    return ButtonPressed(
        update_id=update_id,
        chat=str(query.message.chat.id),
        chat_name=_public_name(query.message.chat),
        message_id=str(query.message.message_id),
        data=query.data,
        by=query.from_user.full_name or query.from_user.username or str(query.from_user.id),
        user_id=query.from_user.id,
        username=query.from_user.username,
        language=_language(query.from_user),
    )


def _is_start(message: Message) -> bool:
    """Tell whether it is the command ``/start``, perhaps addressed (``/start@name``), perhaps with more words."""
    words = (message.text or "").split(maxsplit=1)
    return bool(words) and words[0].partition("@")[0] == "/start"


def _public_name(chat: Chat) -> str | None:
    return None if chat.username is None else f"@{chat.username}"


def _language(user: User | None) -> str:
    return (user.language_code if user is not None else None) or _FALLBACK_LANGUAGE
