"""Question answering: a start and an end logit for every token, and DPR's reader, which also says how relevant a passage is.

Runs beside the makers that README.md describes: python make_question_answering.py ROOT
"""
import sys

import torch
from golden_core import Case, batch, randomise, segments
from golden_families import SINGLE
from transformers import (
    BertConfig,
    BertForQuestionAnswering,
    DistilBertConfig,
    DistilBertForQuestionAnswering,
    DPRConfig,
    DPRReader,
    MPNetConfig,
    MPNetForQuestionAnswering,
    RobertaConfig,
    RobertaForQuestionAnswering,
)

SIZES = dict(vocab_size=110, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
             max_position_embeddings=34)
DISTIL = dict(vocab_size=110, dim=32, n_layers=2, n_heads=4, hidden_dim=56, max_position_embeddings=32)
SPECIAL = dict(pad_token_id=1, bos_token_id=0, eos_token_id=2)
LENGTHS = (13, 8)


def record(root, name, seed, cls, config, *, token_types=False, **ids):
    m = randomise(cls(config), seed)
    c = Case(root, name, m, seed)

    def inputs(at, lengths, **kw):
        b = batch(seed + at, lengths, config.vocab_size, **ids, **kw)
        if token_types:
            cuts = [b["input_ids"].shape[1] - n // 2 - 1 if kw.get("side") == "left" else n // 2 for n in lengths]
            b["token_type_ids"] = segments(b, cuts)
        return b

    c.forward(inputs(1, LENGTHS))
    c.forward(inputs(2, LENGTHS, side="left"), "expected.left-padded.safetensors")
    c.forward(batch(seed + 3, (7,), config.vocab_size, **ids), SINGLE)
    if cls is DPRReader:
        n = inputs(4, LENGTHS)
        del n["attention_mask"]
        c.forward(n, "expected.no-mask.safetensors", hidden=False, attn=False)
        c.doc["notes"].append("expected.no-mask.safetensors: without attention_mask the reader sees padding, unlike the encoders.")
        c.doc["notes"].append("The reader takes no token_type_ids and computes no loss.")
    else:
        y = inputs(5, (11, 9, 6, 8))
        # One inside, one before the first, one at and one behind the sequence's length of 11.
        y["start_positions"] = torch.tensor([3, -7, 11, 2])
        y["end_positions"] = torch.tensor([5, 4, 5, 40])
        c.forward(y, "expected.labels.safetensors", hidden=False, attn=False)
        c.doc["notes"].append("expected.labels.safetensors: positions are clamped to [0, seq], and seq is left out of the mean; "
                              "`loss` is the mean of both cross entropies.")
    assert c.quiet(), name
    c.finish()


def main(root):
    name = "question-answering"
    ends = dict(pad=1, first=0, last=2)
    record(root, f"bert/{name}", 1201, BertForQuestionAnswering, BertConfig(**SIZES), token_types=True)
    record(root, f"distilbert/{name}", 1211, DistilBertForQuestionAnswering, DistilBertConfig(**DISTIL))
    record(root, f"roberta/{name}", 1221, RobertaForQuestionAnswering,
           RobertaConfig(**SIZES, **SPECIAL, type_vocab_size=1), **ends)
    record(root, f"mpnet/{name}", 1231, MPNetForQuestionAnswering, MPNetConfig(**SIZES, **SPECIAL), **ends)
    record(root, "dpr/reader", 1241, DPRReader, DPRConfig(**SIZES))


if __name__ == "__main__":
    main(sys.argv[1])
