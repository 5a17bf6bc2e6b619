"""What people do to a question: leave words out, use others, forget the capital and the question mark."""
import random, re

STOP = set("a an the of to in on at by for with from is are was were be been do does did can could may might will would should must i you one it its that this these those which what who whom when where why how and or not if as than then there any all".split())


def synonyms(folder="/usr/share/wordnet"):
    """Words to the other words of their first sense in WordNet."""
    table = {}
    for part in ("noun", "verb", "adj"):
        by_offset = {}
        for line in open(f"{folder}/data.{part}", encoding="utf8"):
            if not line.startswith(" "):
                fields = line.split(" ")
                count = int(fields[3], 16)
                by_offset[fields[0]] = [re.sub(r"\(.*\)", "", w) for w in fields[4 : 4 + 2 * count : 2]]
        for line in open(f"{folder}/index.{part}", encoding="utf8"):
            if not line.startswith(" "):
                fields = line.split()
                pointers = int(fields[3])
                first = fields[6 + pointers]
                others = [w.replace("_", " ") for w in by_offset[first] if w.lower() != fields[0] and "_" not in w]
                if others and "_" not in fields[0]:
                    table.setdefault(fields[0], others)
    return table


def vary(question, table, rng):
    words = question.rstrip("?. ").split()
    if rng.random() < 0.45:
        for i, word in enumerate(words[1:], 1):
            lower = word.lower()
            if lower in STOP or lower != word or rng.random() > 0.2:
                continue
            if lower in table:
                words[i] = rng.choice(table[lower])
            elif lower.endswith("s") and lower[:-1] in table:
                words[i] = rng.choice(table[lower[:-1]]) + "s"
    style = rng.random()
    if style < 0.3:
        words = [words[0]] + [w for w in words[1:] if rng.random() > 0.15]
    elif style < 0.42:  # as one types into a search box
        kept = [w for w in words if w.lower() not in STOP]
        words = kept if len(kept) >= 2 else words
    elif style < 0.55 and len(words) > 5:  # less is said
        words = words[: max(4, round(len(words) * rng.uniform(0.6, 0.9)))]
    question = " ".join(words)
    if rng.random() < 0.35:
        question = question[0].lower() + question[1:] if rng.random() < 0.4 else question.lower()
    return question if rng.random() < 0.35 else question + "?"


NAME = re.compile(r"^(?:[A-Z][\w-]+|--?[A-Za-z][\w-]+|\w+_\w+|\w+\(\)|\w+\.\w+|\d[\d.]*)$")


def names(text):
    """Names, numbers and pieces of code in a question, but not its first word."""
    return [w for w in re.sub(r"[?,;:]", " ", text).split()[1:] if NAME.match(w)]


def about_another(question, passage, pool, rng):
    """The question about something else that the passage does not name, or None: nothing answers it."""
    own = [w for w in names(question) if w in passage]
    others = [w for w in pool if w not in passage]
    if not own or not others:
        return None
    old = rng.choice(own)
    alike = [w for w in others if w.startswith("-") == old.startswith("-") and w[0].isdigit() == old[0].isdigit()]
    return question.replace(old, rng.choice(alike)) if alike else None
