"""Questions about made-up documents of short facts, as make_data.py samples them for the other reader, a third of them without an answer.

python facts.py DATA OUT.jsonl HOW_MANY   (DATA: see ../extract.mjs)
"""
import json, os, random, re, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from make_data import HELD_OUT, IDK, World, load  # noqa: E402

LITTLE = set("a an the of in on at by for with from is are was were be to and it its he she his her has have".split())


def value_in(text, question, answer):
    """The longest stretch of the answer that the text has and the question does not."""
    words = answer.rstrip(".").split()
    asked = {w.strip("?,.").lower() for w in question.split()}
    for n in range(len(words), 0, -1):
        for i in range(len(words) - n + 1):
            part = words[i : i + n]
            while part and (part[0].lower() in asked or part[0].lower() in LITTLE):
                part = part[1:]
            while part and (part[-1].lower() in asked or part[-1].lower() in LITTLE):
                part = part[:-1]
            found = re.search(r"(?<!\w)" + re.escape(" ".join(part)) + r"(?!\w)", text) if part else None
            if found:
                return found.group(), found.start()
    return None


rng = random.Random(5)
world = World(load(sys.argv[1]), rng, HELD_OUT, unanswerable=0.34)
with open(sys.argv[2], "w") as out:
    for i in range(int(sys.argv[3])):
        title, text, question, answer = world.example()
        row = {"source": "facts", "file": f"facts-{i % 100}", "title": title, "headings": [], "text": text}
        found = None if answer == IDK else value_in(text, question, answer)
        if answer == IDK or found:
            a, at = found or (None, 0)
            out.write(json.dumps({**row, "qa": [{"q": question, "a": a, "at": at, "kind": "facts"}]}) + "\n")
