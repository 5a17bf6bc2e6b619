"""Trains all-MiniLM-L6-v2 with a span head (BertForQuestionAnswering) to find answers in passages, and to know when there is none.

python train.py QUESTIONS.jsonl[,MORE.jsonl] PASSAGES.jsonl OUT --steps N

pip: torch, transformers, tokenizers, safetensors. An example is a question with several passages: the one that it was asked of and passages that search
confuses with it, or the latter alone. Let r be the logit of a token less that of [CLS] in its own passage. The loss is that of one softmax over the
r of all tokens of all passages and a 0 for "no answer", for the start and for the end: what the reader computes when it answers.
"""
import argparse, json, os, random, time

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import BertConfig, BertForQuestionAnswering, BertModel

from augment import about_another, names, synonyms, vary

HERE = os.path.dirname(os.path.abspath(__file__))
MINILM = os.path.join(HERE, "../../all-MiniLM-L6-v2")
parser = argparse.ArgumentParser()
parser.add_argument("questions")
parser.add_argument("passages")
parser.add_argument("out")
parser.add_argument("--start", help="folder of a span reader to go on from")
parser.add_argument("--steps", type=int, default=2400)
parser.add_argument("--groups", type=int, default=12)
parser.add_argument("--rate", type=float, default=1e-4)
parser.add_argument("--seed", type=int, default=3)
parser.add_argument("--unanswerable", type=float, default=0.3)
parser.add_argument("--watch", help="questions with passages, to look at while it trains")
args = parser.parse_args()

rng = random.Random(args.seed)
torch.manual_seed(args.seed)
torch.set_num_threads(2)
MAX = 300
# Kinds whose questions are often odd come up less often.
WEIGHT = {"yes-no": 0.5, "row": 0.7, "row-back": 0.6, "what-happens": 0.8, "subject": 0.8, "object": 0.8, "definition": 0.6, "asked": 4, "facts": 1}

tokenizer = Tokenizer.from_file(MINILM + "/tokenizer.json")
tokenizer.no_padding()
tokenizer.no_truncation()
table = synonyms()


def context(passage, rng):
    """What is read of a passage: its headings, the outermost first, then the text. Training leaves some out."""
    x = rng.random()
    path = passage["title"] if x < 0.4 else ": ".join(dict.fromkeys([passage["title"].split(": ")[0], *passage["headings"]])) if x < 0.75 else ""
    path = " ".join(path.split()[-24:])
    return (path + ". " if path else ""), passage["text"]


def encode(question, passage, rng, answer=None, at=0):
    """ids, types, (first, last) token of the answer or None; None if the answer is cut off."""
    before, text = context(passage, rng)
    e = tokenizer.encode(question, before + text)
    shift = len(before)
    first_of_text = next((i for i, (o, t) in enumerate(zip(e.offsets, e.type_ids)) if t == 1 and o[1] > o[0] and o[0] >= shift), len(e.ids))
    if answer is None:
        return e.ids[:MAX], e.type_ids[:MAX], first_of_text, None
    lo, hi = shift + at, shift + at + len(answer)
    start = end = None
    for i, (o, t) in enumerate(zip(e.offsets[:MAX], e.type_ids)):
        if t != 1 or o[1] == o[0]:
            continue
        if o[0] <= lo < o[1]:
            start = i
        if o[0] < hi <= o[1]:
            end = i
    return (e.ids[:MAX], e.type_ids[:MAX], first_of_text, (start, end)) if start is not None and end is not None and end >= start else None


def embed(texts, model, batch=64):
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    out = torch.zeros(len(texts), 384)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        for k in range(0, len(order), batch):
            part = order[k : k + batch]
            es = [tokenizer.encode(texts[i]).ids[:160] for i in part]
            ids = torch.zeros(len(part), max(map(len, es)), dtype=torch.long)
            mask = torch.zeros_like(ids)
            for row, e in enumerate(es):
                ids[row, : len(e)] = torch.tensor(e)
                mask[row, : len(e)] = 1
            hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state.float() * mask[..., None]
            out[part] = torch.nn.functional.normalize(hidden.sum(1) / mask.sum(1, keepdim=True), dim=-1)
    return out


def holds(passage, answer):
    if answer is None:
        return False
    text, answer = passage["text"].lower(), answer.lower()
    if answer in text:
        return True
    content = [w for w in answer.split() if len(w) > 3]
    return len(content) >= 3 and sum(w in text for w in content) >= 0.7 * len(content)


rows = [json.loads(line) for name in args.questions.split(",") for line in open(name)]
pool = [json.loads(line) for line in open(args.passages)]
questions = [(row, x) for row in rows for x in row["qa"]]
rng.shuffle(questions)
questions = [x for x in questions if rng.random() < min(1, WEIGHT.get(x[1]["kind"], 1)) for _ in range(int(max(1, WEIGHT.get(x[1]["kind"], 1))))]
rng.shuffle(questions)
needed = args.steps * args.groups
print(len(rows), "passages,", len(questions), "questions,", needed, "are used", flush=True)
questions = questions[:needed]

body = {k: v.float() for k, v in load_file(MINILM + "/model.safetensors").items()}
config = BertConfig.from_pretrained(MINILM)
config.attention_probs_dropout_prob = config.hidden_dropout_prob = 0.0
cache = args.passages + ".pt"
clock = time.time()
encoder = BertModel(config, add_pooling_layer=False).eval()
encoder.load_state_dict({k: v for k, v in body.items() if not k.startswith("pooler")}, strict=False)
if not os.path.exists(cache):
    torch.save(embed([f"{p['title']}. {p['text']}" for p in pool], encoder), cache)
vectors = torch.load(cache)
near = []
asked = embed([x["q"] for _, x in questions], encoder, 256)
for k in range(0, len(questions), 512):
    near.extend(torch.topk(asked[k : k + 512] @ vectors.T, 16).indices.tolist())
print("hard negatives in", round(time.time() - clock), "s", flush=True)
del asked, encoder

at_text = {p["text"]: i for i, p in enumerate(pool)}
by_file = {}
for p in pool:
    by_file.setdefault(p["file"], []).append(p)
names_of = {f: sorted({n for p in ps for n in names(p["text"])}) for f, ps in by_file.items()}


def group(k):
    """A question with its passages as (ids, types, first token of the text, answer)."""
    row, x = questions[k]
    question = vary(x["q"], table, rng)
    if x["a"] is None:
        return [encode(question, row, rng)]
    wrong = [pool[i] for i in near[k] if pool[i]["text"] != row["text"] and not holds(pool[i], x["a"])]
    if rng.random() < 0.08:
        other = about_another(question, row["title"] + " " + row["text"], names_of.get(row["file"], []), rng)
        if other:
            return [encode(other, row, rng)]
    if rng.random() < args.unanswerable and wrong:
        return [encode(question, p, rng) for p in rng.sample(wrong[:6], min(2, len(wrong[:6])))]
    right = encode(question, row, rng, x["a"], x["at"])
    if right is None:
        return None
    picked = [rng.choice(wrong[:8])] if wrong and rng.random() < 0.8 else []
    passages = [right] + [encode(question, p, rng) for p in picked]
    rng.shuffle(passages)
    return passages


model = BertForQuestionAnswering(config)
if args.start:
    model.load_state_dict({k: v.float() for k, v in load_file(args.start + "/model.safetensors").items()})
else:
    model.bert.load_state_dict({k: v for k, v in body.items() if not k.startswith("pooler")}, strict=False)
model.bert.embeddings.word_embeddings.weight.requires_grad_(False)
trained = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=args.rate, weight_decay=0.01, fused=True)


def loss_of(groups):
    flat = [s for g in groups for s in g]
    length = max(len(s[0]) for s in flat)
    ids = torch.zeros(len(flat), length, dtype=torch.long)
    types, mask, text = torch.zeros_like(ids), torch.zeros_like(ids), torch.zeros(len(flat), length, dtype=torch.bool)
    for i, (a, t, first, _) in enumerate(flat):
        ids[i, : len(a)], types[i, : len(a)], mask[i, : len(a)] = torch.tensor(a), torch.tensor(t), 1
        text[i, first : len(a) - 1] = True
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = model(input_ids=ids, token_type_ids=types, attention_mask=mask)
    losses, row = [], 0
    for g in groups:
        for side, logits in enumerate((out.start_logits, out.end_logits)):
            part = logits[row : row + len(g)].float()
            r = (part - part[:, :1]).masked_fill(~text[row : row + len(g)], -1e4).flatten()
            total = torch.logsumexp(torch.cat([torch.zeros(1), r]), 0)
            right = next(((i, s[3]) for i, s in enumerate(g) if s[3]), None)
            losses.append(total - (r[right[0] * length + right[1][side]] if right else 0))
        row += len(g)
    return torch.stack(losses).mean()


def best(question, passages):
    """(score, text, passage) of the best span: start + end, less what [CLS] has."""
    found = (-99.0, "", 0)
    for z, p in enumerate(passages):
        before = p["title"] + ". " if p["title"] else ""
        e = tokenizer.encode(question, before + p["text"])
        with torch.no_grad():
            out = model(input_ids=torch.tensor([e.ids[:512]]), token_type_ids=torch.tensor([e.type_ids[:512]]))
        s, t = out.start_logits[0] - out.start_logits[0, 0], out.end_logits[0] - out.end_logits[0, 0]
        ok = [i for i, (o, ty) in enumerate(zip(e.offsets[:512], e.type_ids)) if ty == 1 and o[1] > o[0] and o[0] >= len(before)]
        for i in sorted(ok, key=lambda i: -s[i])[:12]:
            for j in sorted(ok, key=lambda j: -t[j])[:12]:
                if i <= j < i + 48 and float(s[i] + t[j]) > found[0]:
                    found = (float(s[i] + t[j]), p["text"][e.offsets[i][0] - len(before) : e.offsets[j][1] - len(before)], z)
    return found


def look(path, shown=False):
    """Right spans, right sentences around them, and the area under the curve of the score, answerable against not."""
    right = sentence = 0
    yes, no = [], []
    for x in json.load(open(path)):
        score, text, z = best(x["q"], x["passages"])
        (yes if x["answers"] else no).append(score)
        passage = x["passages"][z]["text"]
        at = passage.find(text)
        lo = max(passage.rfind(c, 0, at) for c in (". ", "\n", "? "))
        hi = min(h for h in (passage.find(". ", at + len(text)), passage.find("\n", at + len(text)), len(passage)) if h >= 0)
        ok = any(a.lower() in text.lower() for a in x["answers"])
        right += ok
        sentence += any(a.lower() in passage[lo + 1 : hi + 1].lower() for a in x["answers"])
        if shown:
            print(round(score, 1), ok, x["q"], "|", text[:80].replace("\n", " "), flush=True)
    auc = sum((a > b) + 0.5 * (a == b) for a in yes for b in no) / max(1, len(yes) * len(no))
    return right, sentence, round(auc, 3)


def save():
    os.makedirs(args.out, exist_ok=True)
    save_file({name: v.contiguous() for name, v in model.state_dict().items() if "position_ids" not in name}, args.out + "/model.safetensors")
    config.architectures = ["BertForQuestionAnswering"]
    config.save_pretrained(args.out)


step, clock, mean = 0, time.time(), None
k = 0
while step < args.steps and k < len(questions):
    chunk = []
    while len(chunk) < 8 * args.groups and k < len(questions):
        g = group(k)
        k += 1
        if g:
            chunk.append(g)
    chunk.sort(key=lambda g: max(len(s[0]) for s in g))
    batches = [chunk[i : i + args.groups] for i in range(0, len(chunk), args.groups)]
    rng.shuffle(batches)
    for batch in batches:
        rate = args.rate * min(1, (step + 1) / 100) * max(0.01, 1 - step / args.steps)
        for part in optimizer.param_groups:
            part["lr"] = rate
        loss = loss_of(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        mean = loss.item() if mean is None else 0.98 * mean + 0.02 * loss.item()
        if step % 50 == 0:
            print(f"step {step} of {args.steps}, loss {mean:.3f}, {(time.time() - clock) / step:.2f} s a step", flush=True)
        if step % 350 == 0:
            save()
            if args.watch:
                print("watched: spans, sentences, AUC:", look(args.watch), flush=True)
if args.watch:
    print("watched: spans, sentences, AUC:", look(args.watch, shown=True), flush=True)
save()
print("written after", round((time.time() - clock) / 60), "minutes")
