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
 * `facebook/rag-sequence-nq` is a folder in the layout of Hugging Face, with its passages in `passages.jsonl` and `index.bin`.
 */
import { RagRetriever, RagSequenceForGeneration, RagTokenizer } from 'glassformer'

const tokenizer = await RagTokenizer.fromPretrained('facebook/rag-sequence-nq')
const retriever = await RagRetriever.fromPretrained('facebook/rag-sequence-nq')
const model = await RagSequenceForGeneration.fromPretrained('facebook/rag-sequence-nq', { retriever })
const inputs = tokenizer('What is the capital of France?')
const generated = await model.generate({ inputIds: inputs.inputIds })
console.log(tokenizer.batchDecode(generated, { skipSpecialTokens: true }))
model.dispose()
