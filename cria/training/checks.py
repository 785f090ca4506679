"""Whether an answer fulfils the check of a held-out dialogue. Their format is told in cria/data/README.md."""

import re


def holds(check: dict, answer: str, has_ended: bool) -> bool:
    answer = answer.strip()
    shown = answer.lower() if check.get("ignoreCase") else answer
    wanted = [one.lower() if check.get("ignoreCase") else one for one in check.get("contains", [])]

    def contains(text: str) -> bool:
        """Digits and letters next to it make it another word; where the text itself ends in a sign, anything may follow."""
        before = r"(?<!\w)" if text[:1].isalnum() else ""
        after = r"(?!\w)" if text[-1:].isalnum() else ""
        return re.search(before + re.escape(text) + after, shown) is not None

    if wanted and not any(contains(text) for text in wanted):
        return False
    if "equals" in check and answer.lower() not in [one.lower() for one in check["equals"]]:
        return False
    if "matches" in check and not re.search(check["matches"], answer):
        return False
    if "maximumWords" in check and len(answer.split()) > check["maximumWords"]:
        return False
    return not check.get("ends") or has_ended and is_clean(answer)


def is_clean(answer: str) -> bool:
    sentences = [one for one in re.split(r"(?<=[.!?])\s+", answer) if one]
    loops = any(sentences[at] == sentences[at + 1] == sentences[at + 2] for at in range(len(sentences) - 2))
    return answer != "" and not loops and not re.search(r"\[/?INST\]|<</?SYS>>|</?s>", answer)
