"""Goldens of Gemma 3: tiny random checkpoints. The window is shorter than the texts, so that both kinds of layers differ, and reaches from the
padding of the shorter row back to its text, since what a query gives that sees padding alone is nobody's business.

Runs beside the makers that README.md describes: python make_gemma3.py ROOT
"""
import sys

from golden_families import CAUSAL, CAUSAL_VARIANTS, causal
from transformers import Gemma3ForCausalLM, Gemma3TextConfig

CAUSAL["gemma3"] = (Gemma3TextConfig, Gemma3ForCausalLM, dict(
    vocab_size=120, hidden_size=32, intermediate_size=56, head_dim=16, num_hidden_layers=3, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=128, query_pre_attn_scalar=16, sliding_window=6,
    layer_types=["sliding_attention", "full_attention", "sliding_attention"],
    bos_token_id=1, eos_token_id=2, pad_token_id=0, tie_word_embeddings=True))


def rope(full):
    return {"full_attention": full, "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}


def main(root):
    few = [v for v in CAUSAL_VARIANTS if v[0] in ("greedy-batch1", "greedy-left-padded", "greedy-eos", "beam3")]
    causal(root, "gemma3/base", 1101, "gemma3", variants=few, over=dict(
        rope_parameters=rope({"rope_type": "default", "rope_theta": 1000000.0})))
    causal(root, "gemma3/scaled-untied", 1151, "gemma3", variants=few[:2], over=dict(
        tie_word_embeddings=False, num_key_value_heads=1, query_pre_attn_scalar=24,
        rope_parameters=rope({"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0})))


if __name__ == "__main__":
    main(sys.argv[1])
