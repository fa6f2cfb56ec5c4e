"""Sentences of the kind that privacy policies consist of, written for this project: what a classifier starts from.

Each data type has names, each handling has ways to say it; their products, with a few frames, are the training
sentences of `PolicyClassifier`. Users add sentences of their own policies.
"""

from __future__ import annotations

from itertools import product

NAMES: dict[str, tuple[str, ...]] = {
    "location": ("your location", "GPS coordinates", "where you are", "geolocation data", "your approximate position"),
    "contacts": ("your contacts", "the address book on your phone", "names and numbers of people you know"),
    "identifiers": ("device identifiers", "your advertising ID", "a unique user ID", "your IP address"),
    "contact info": ("your name and email address", "your phone number", "your postal address", "email addresses"),
    "financial": ("payment details", "credit card numbers", "bank account information", "your purchase history"),
    "health": ("health data", "fitness information", "heart rate and sleep records", "medical information"),
    "messages": ("your messages", "the content of emails", "chat conversations", "text messages you send"),
    "photos": ("photos and videos", "pictures you upload", "images from your gallery", "camera recordings"),
    "audio": ("voice recordings", "sound from the microphone", "audio files", "what you say to the assistant"),
    "browsing": ("your browsing history", "websites you visit", "search history", "pages that you view"),
    "usage": ("how you use the app", "usage statistics", "features you interact with", "the time you spend in the app"),
    "diagnostics": ("crash logs", "diagnostic reports", "performance data", "error reports"),
}
WAYS: dict[str, tuple[str, ...]] = {
    "collected": ("collect", "gather", "record", "store", "receive", "ask for", "obtain", "process"),
    "shared": (
        "share with third parties",
        "disclose to our partners",
        "sell to other companies",
        "transfer to service providers",
        "provide to advertisers",
        "pass on to affiliates",
    ),
    "tracking": (
        "use to track you across other apps and websites",
        "combine with data from other companies to show you targeted advertising",
        "use for cross-site ad tracking",
        "link with data brokers to follow your activity elsewhere",
    ),
}
YES = (
    "We may {way} {what}{tail}.",
    "Our app can {way} {what}{tail}.",
    "When you use the service, we {way} {what}{tail}.",
)
NOTHING = (
    "This policy was last updated in March.",
    "If you have questions, please contact our support team.",
    "You can delete your account at any time in the settings.",
    "We use reasonable security measures to protect the service.",
    "Children under 13 may not use this application.",
    "By using the service you agree to these terms.",
    "We will notify you of changes to this policy.",
    "You have the right to complain to a supervisory authority.",
    "The service is provided as it is, without warranty of any kind.",
    "Cookies help the website to remember your language.",
)


def sentence(frame: str, way: str, what: str) -> str:
    """Return a frame with its verb phrase and object: the object stands after the first verb."""
    verb, _, tail = way.partition(" ")
    if verb in ("ask", "pass"):
        second, _, tail = tail.partition(" ")
        verb = f"{verb} {second}"
    return frame.format(way=verb, what=what, tail=f" {tail}" if tail else "")


def training_sentences() -> tuple[list[str], list[str | None], list[str | None]]:
    """Return sentences with the data type and the handling that each states; None twice where it states nothing."""
    texts: list[str] = []
    types: list[str | None] = []
    handlings: list[str | None] = []
    for kind, names in NAMES.items():
        for handling, ways in WAYS.items():
            for i, (what, way) in enumerate(product(names, ways)):
                texts.append(sentence(YES[i % len(YES)], way, what))
                types.append(kind)
                handlings.append(handling)
    texts += NOTHING * 6
    types += [None] * (6 * len(NOTHING))
    handlings += [None] * (6 * len(NOTHING))
    return texts, types, handlings
