"""Records what transformers generates with options that the goldens of the families leave out.

    pip install torch==2.15.0 transformers==4.57.6 safetensors==0.8.0
    python test/generation/record_options.py > test/goldens/generation/options.json

The models and inputs are those of test/goldens; see its README.md for the oracle.
"""

import json
import pathlib
import sys

import torch
import transformers

GOLDENS = pathlib.Path(__file__).parent.parent / "goldens"

SEQ2SEQ = [
    {},
    {"encoder_no_repeat_ngram_size": 1, "max_new_tokens": 8},
    {"encoder_no_repeat_ngram_size": 2, "num_beams": 3, "max_new_tokens": 8},
    {"encoder_repetition_penalty": 1.5, "max_new_tokens": 8},
    {"forced_bos_token_id": 7, "forced_eos_token_id": 9, "max_new_tokens": 6},
    {"forced_bos_token_id": 7, "begin_suppress_tokens": list(range(40)), "max_new_tokens": 6},
]
ANY = [
    {"suppress_tokens": list(range(0, 130, 2)), "max_new_tokens": 8},
    {"begin_suppress_tokens": list(range(60)), "max_new_tokens": 8},
    {"eos_token_id": list(range(10, 60)), "max_new_tokens": 12},
    {"eos_token_id": [1, 2, 55], "num_beams": 3, "num_return_sequences": 3, "max_new_tokens": 10},
    {"eos_token_id": list(range(10, 60)), "num_beams": 2, "max_new_tokens": 10, "early_stopping": True},
    {"eos_token_id": list(range(2, 120)), "num_beams": 3, "num_return_sequences": 3, "max_new_tokens": 8, "length_penalty": 3.0},
    {"eos_token_id": list(range(2, 120)), "num_beams": 2, "max_new_tokens": 8, "min_new_tokens": 3},
    {"bad_words_ids": [[55], [34, 68], [68, 34]], "max_new_tokens": 8},
    {"bad_words_ids": [[55], [53, 53], [62, 62]], "num_beams": 3, "max_new_tokens": 8},
    {"num_beams": 3, "length_penalty": 0.0, "max_new_tokens": 9},
    {"num_beams": 3, "length_penalty": -1.0, "num_return_sequences": 3, "max_new_tokens": 9},
    {"num_beams": 3, "length_penalty": -1.0, "early_stopping": "never", "max_new_tokens": 9},
    {"num_beams": 2, "length_penalty": -2.0, "early_stopping": "never", "num_return_sequences": 2, "max_new_tokens": 16},
    {"num_beams": 3, "forced_eos_token_id": 3, "num_return_sequences": 2, "max_new_tokens": 5},
    {"num_beams": 4, "min_new_tokens": 6, "max_new_tokens": 9, "num_return_sequences": 4},
    {"num_beams": 3, "no_repeat_ngram_size": 1, "repetition_penalty": 2.0, "max_new_tokens": 9},
    {"num_beams": 6, "num_return_sequences": 6, "max_new_tokens": 7, "early_stopping": True},
]
# Not for BART: its forced tokens leave one sequence, and the places of the others are decided by ties.
ONE_TOKEN = [{"num_beams": 5, "num_return_sequences": 5, "max_new_tokens": 1}]
CASES = {
    "t5/gated-tied": (transformers.T5ForConditionalGeneration, SEQ2SEQ + ANY + ONE_TOKEN),
    "bart/base": (transformers.BartForConditionalGeneration, SEQ2SEQ + ANY),
    "gpt2/base": (transformers.GPT2LMHeadModel, ANY + ONE_TOKEN),
    "llama/tied": (transformers.LlamaForCausalLM, ANY + ONE_TOKEN),
}


def main():
    torch.set_num_threads(1)
    recorded = []
    for folder, (model_class, calls) in CASES.items():
        model = model_class.from_pretrained(GOLDENS / folder, attn_implementation="eager").eval()
        case = json.loads((GOLDENS / folder / "case.json").read_text())
        inputs = max(case["generate"], key=lambda one: len(one["input_ids"]))
        for args in calls:
            output = model.generate(
                input_ids=torch.tensor(inputs["input_ids"]),
                attention_mask=torch.tensor(inputs["attention_mask"]),
                return_dict_in_generate=True,
                output_scores=True,
                **args,
            )
            scores = getattr(output, "sequences_scores", None)
            recorded.append(
                {
                    "folder": folder,
                    "args": args,
                    "input_ids": inputs["input_ids"],
                    "attention_mask": inputs["attention_mask"],
                    "output_ids": output.sequences.tolist(),
                    **({} if scores is None else {"sequences_scores": [round(score, 6) for score in scores.tolist()]}),
                }
            )
    json.dump({"transformers": transformers.__version__, "generate": recorded}, sys.stdout)


main()
