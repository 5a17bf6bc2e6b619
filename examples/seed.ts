/**
 * Retrieval-augmented generation as the well-known Python sample writes it, line for line:
 *
 *   from transformers import RagTokenizer, RagRetriever, RagSequenceForGeneration
 *   tokenizer = RagTokenizer.from_pretrained("facebook/rag-sequence-nq")
 *   retriever = RagRetriever.from_pretrained("facebook/rag-sequence-nq")
 *   model = RagSequenceForGeneration.from_pretrained("facebook/rag-sequence-nq", retriever=retriever)
 *   inputs = tokenizer("What is the capital of France?", return_tensors="pt")
 *   generated = model.generate(input_ids=inputs["input_ids"])
 *   print(tokenizer.batch_decode(generated, skip_special_tokens=True))
 *
 * The first argument is a folder in the layout of Hugging Face, with its passages in `passages.jsonl` and `index.bin`.
 */
import { RagRetriever, RagSequenceForGeneration, RagTokenizer } from 'glassformer'

const folder = process.argv[2] ?? 'facebook/rag-sequence-nq'
const tokenizer = await RagTokenizer.fromPretrained(folder)
const retriever = await RagRetriever.fromPretrained(folder)
const model = await RagSequenceForGeneration.fromPretrained(folder, { retriever })
const { inputIds } = tokenizer('What is the capital of France?')
const generated = await model.generate({ inputIds })
console.log(tokenizer.batchDecode(generated, { skipSpecialTokens: true }))
model.dispose()
