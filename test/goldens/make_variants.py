"""Cases that the first set of goldens leaves out: classifiers of BERT's relatives, and configs that few checkpoints have.

Runs beside the makers that README.md describes: python make_variants.py ROOT
"""
import sys

import torch
from golden_core import Case, batch, randomise
from golden_families import CAUSAL_VARIANTS, SEQ2SEQ_VARIANTS, SINGLE, bart, causal, mpnet
from transformers import (
    DistilBertConfig,
    DistilBertForSequenceClassification,
    MPNetConfig,
    MPNetForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
)

SIZES = dict(vocab_size=110, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
             max_position_embeddings=34)
DISTIL = dict(vocab_size=110, dim=32, n_layers=2, n_heads=4, hidden_dim=56, max_position_embeddings=32)
BART_IDS = dict(pad_token_id=1, bos_token_id=0, eos_token_id=2)


def classifier(root, name, seed, cls, config, lengths=(14, 9), single=7, **ids):
    m = randomise(cls(config), seed)
    c = Case(root, name, m, seed)
    extra = lambda model, i, r: {"sigmoid_logits": torch.sigmoid(r["logits"])}  # noqa: E731
    c.forward(batch(seed + 1, lengths, config.vocab_size, **ids), extra=extra)
    c.forward(batch(seed + 2, (single,), config.vocab_size, **ids), SINGLE, extra=extra)
    c.finish()


def main(root):
    name = "sequence-classification"
    classifier(root, f"distilbert/{name}", 901, DistilBertForSequenceClassification,
               DistilBertConfig(**DISTIL, num_labels=2))
    ends = dict(pad=1, first=0, last=2)
    classifier(root, f"roberta/{name}", 911, RobertaForSequenceClassification,
               RobertaConfig(**SIZES, **BART_IDS, type_vocab_size=1, num_labels=3), **ends)
    classifier(root, f"mpnet/{name}", 921, MPNetForSequenceClassification,
               MPNetConfig(**SIZES, **BART_IDS, num_labels=1), **ends)
    mpnet(root, "mpnet/more-buckets", 931, over=dict(relative_attention_num_buckets=40))
    greedy = [v for v in CAUSAL_VARIANTS if v[0] in ("greedy-left-padded", "greedy-eos")]
    scaling = dict(rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
                   original_max_position_embeddings=16)
    causal(root, "llama/scaled-biased", 941, "llama", variants=greedy, over=dict(
        rope_scaling=scaling, attention_bias=True, mlp_bias=True, head_dim=10, num_key_value_heads=1))
    causal(root, "gpt2/scaled-untied", 951, "gpt2", variants=greedy, over=dict(
        scale_attn_by_inverse_layer_idx=True, n_inner=40, activation_function="gelu", tie_word_embeddings=False))
    bart(root, "bart/scaled", 961, variants=[v for v in SEQ2SEQ_VARIANTS if v[0] in ("greedy", "greedy-eos")],
         over=dict(scale_embedding=True, encoder_layers=1, decoder_layers=2,
                   encoder_attention_heads=2, decoder_ffn_dim=40, activation_function="relu"))


if __name__ == "__main__":
    main(sys.argv[1])
