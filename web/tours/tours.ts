/**
 * The eight tours. They follow the eight lessons, which build the same things by hand in a terminal.
 */
import { SEED_SCENE } from '../app/seed.js'
import { goesOnWithWord } from '../app/token-row.js'
import { diagonalWeight, encoderCell, encoderWeight, type Tour } from './tour.js'

export const TOURS: readonly Tour[] = [
  {
    title: 'Tokens and embeddings',
    lesson: '01-tokens-and-embeddings.ts',
    stops: [
      {
        at: 'question',
        scene: SEED_SCENE,
        text: 'A model computes with numbers. The question is cut into pieces that a vocabulary of 30,522 entries knows, and each piece is replaced by its number. That number picks a row of a learned table, its embedding. The rest of the model sees nothing of the text but these rows.',
      },
      {
        at: 'reading',
        text: 'The reader has another vocabulary, of 4,096 pieces. To it “ France” within a sentence is one token, and “France” at the beginning, without the space, is two. The two share no embedding: what they have in common the layers must find out.',
      },
      {
        at: 'question',
        text: 'Where a word is cut, its pieces stand joined.',
        task: {
          ask: 'Ask for the capital of a country that is made up, so that the vocabulary has to cut its name. How small do the pieces get?',
          isDone: ({ walk: { questionTokens } }) => questionTokens.some((_, i) => goesOnWithWord(questionTokens, i)),
          done: 'The name is there, in pieces, down to single letters if it must be. No text is unknown to such a vocabulary; it only gets longer.',
        },
      },
    ],
  },
  {
    title: 'Self-attention',
    lesson: '02-self-attention.ts',
    stops: [
      {
        at: 'encoder',
        scene: SEED_SCENE,
        text: 'Each token makes three vectors of its state: a query (what am I looking for?), a key (what do I answer to?) and a value (what do I hand over?). Query times key gives a score, softmax makes shares of the scores, and the token takes in the values by these shares.',
      },
      {
        at: 'encoder',
        text: 'The button “Show every number” under the map opens one cell: the 32 products of query and key, their sum, what is added for the distance, the softmax of the row and the weighted values. Each is the number of this run.',
      },
      {
        at: 'encoder',
        text: 'There is a head in which the passage’s “capital” looks mostly at “Par”, where the name of the city begins.',
        task: {
          ask: 'Find it: choose a layer and a head, and in the map the cell of the query “capital” (the first one) and the key “Par” with a weight of more than 0.5.',
          isDone: (state) => {
            const { query, key } = encoderCell(state)
            return query === 'capital' && key === 'Par' && (encoderWeight(state) ?? 0) > 0.5
          },
          done: 'This is the head. Open its numbers: a good part of the score is not the fit of query and key, but what is added because “Par” stands two places on.',
        },
      },
    ],
  },
  {
    title: 'Multi-head attention',
    lesson: '03-multi-head.ts',
    stops: [
      {
        at: 'encoder',
        scene: SEED_SCENE,
        text: 'One softmax row can only look one way at a time. So each layer has eight heads, narrow attentions side by side. The small pictures show how differently they look: some at the neighbour, some at the same word elsewhere, some at no place in particular.',
      },
      {
        at: 'ablation',
        text: 'A head that looks at the right word need not be one that the answer needs. Whether it does shows when its output is set to zero.',
      },
      {
        at: 'ablation',
        text: 'Most of the encoder’s 32 heads can go, one at a time, and the answer stays.',
        task: {
          ask: 'Find the one that cannot: take away one single head of the encoder so that, with “Walk the whole path without these heads”, the reader words no answer any more.',
          isDone: ({ walk }) =>
            walk.scene.ablated.length === 1 &&
            walk.scene.ablated[0].attention.startsWith('encoder') &&
            walk.answer.abstained,
          done: 'That head is the one. Look at its map: it does nothing that one would have picked it for. If an answer stands at the top all the same, the second reader has quoted it, which has lost no head.',
        },
      },
    ],
  },
  {
    title: 'Positions',
    lesson: '04-positions.ts',
    stops: [
      {
        at: 'encoder',
        scene: SEED_SCENE,
        text: 'Attention does not ask in which order the tokens stand: shuffled, each would get the same mixture. So the order is put in by other means. This reader, a T5, adds a learned number to each score, which depends on the distance alone and is another one for each head.',
      },
      {
        at: 'encoder',
        text: 'In some heads this number is larger than anything that query and key can say. Such a head looks at one distance, whatever stands there.',
        task: {
          ask: 'Find a head of the encoder in which nearly every token looks at the token just before it: a dark line below the diagonal of the map.',
          isDone: (state) => (diagonalWeight(state, -1) ?? 0) > 0.6,
          done: 'Here it is. Open a cell’s numbers and compare: what is added for the distance outweighs the product of query and key. It is how the pieces of a word find each other.',
        },
      },
    ],
  },
  {
    title: 'The encoder',
    lesson: '05-encoder.ts',
    stops: [
      {
        at: 'reading',
        scene: SEED_SCENE,
        text: 'The encoder reads passage and question in one go. Four layers, each attention and then a small function for every token by itself, add to each token’s state; nothing is replaced.',
      },
      {
        at: 'encoder',
        text: 'An encoder looks both ways. So the passage’s tokens see the question, and what they come to mean depends on what is asked.',
      },
      {
        at: 'encoder',
        text: 'The passage tells two things about France.',
        task: {
          ask: 'Change the question so that the same passage gives the other one: the answer should have “Europe” in it.',
          isDone: ({ walk }) => /Europe/.test(walk.answer.text) && !/Paris/.test(walk.answer.text),
          done: 'Same passage, same weights, another answer. Compare the map with the one before: the rows of the passage have changed, although not a word of it has.',
        },
      },
    ],
  },
  {
    title: 'The decoder and cross-attention',
    lesson: '06-decoder-and-cross-attention.ts',
    stops: [
      {
        at: 'decoder',
        scene: SEED_SCENE,
        text: 'The decoder writes one token at a time. It looks at what it has written, by self-attention, and into what the encoder made of passage and question, by cross-attention: the query from one text, key and value from the other.',
      },
      {
        at: 'decoder',
        text: 'Keys and values of what was read and written stay the same, so they are kept. Move through the steps and see in the cache that each step computes one new row.',
      },
      {
        at: 'decoder',
        text: 'One would think that the word “capital” of the answer looks at “Paris”. It does not, in any head: see the note above the map.',
        select: { decoder: { attention: 'decoder.1.cross_attention', head: 'mean', query: 0, key: 0 } },
        task: {
          ask: 'Go to the step that writes “Par”, and choose in its row of a map of “passage” the cell that it looks at.',
          isDone: ({ walk, selection: { decoder, passage } }) =>
            decoder.attention.endsWith('cross_attention') &&
            walk.steps[decoder.query].chosen.text.trim() === 'Par' &&
            walk.sources[passage][decoder.key].text.trim() === 'Par',
          done: 'It is the row of “is”, the word before the name: a row is named by what was read, and writes what comes after.',
        },
      },
    ],
  },
  {
    title: 'Retrieval',
    lesson: '07-retrieval.ts',
    stops: [
      {
        at: 'vector',
        scene: { ...SEED_SCENE, passages: undefined },
        text: 'The question is one vector of length 1, a point on a sphere in 384 dimensions. Each of the corpus’s passages is one, too, computed beforehand.',
      },
      {
        at: 'ranking',
        text: 'Search is a product with all of them. On the sphere the product is the cosine of the angle. The picture shows where all 3,324 passages stand; only the best are read.',
      },
      {
        at: 'ranking',
        text: 'The vectors stand for what is meant, more than for the words.',
        task: {
          ask: 'Find the passage on the capital of France with a question that has neither “capital” nor “France” nor “Paris” in it. It should come first.',
          isDone: ({ walk }) =>
            walk.scene.passages === undefined &&
            !walk.scene.served &&
            !/capital|france|paris/i.test(walk.scene.question) &&
            /capital is Paris/.test(walk.ranking[0].text),
          done: 'Found without one of its words. See in “Taken apart” that no few numbers carry the likeness: it is spread over all of them.',
        },
      },
    ],
  },
  {
    title: 'Retrieval-augmented generation',
    lesson: '08-rag.ts',
    stops: [
      {
        at: 'prior',
        scene: SEED_SCENE,
        text: 'A passage is found with a prior. The reader gives each answer a probability under each passage. Multiplied and summed up over the passages, they are the answer’s probability; read backwards, by the rule of Bayes, they say which passage stands behind it.',
      },
      {
        at: 'reading',
        text: 'The reader reads and does not recall. From the passage on Germany it will tell you that the capital of France is Berlin.',
        task: {
          ask: 'Drop the passage that holds the answer, among the dot products. What is said now, and how surely?',
          isDone: ({ walk }) => walk.scene.dropped.length > 0 && !/Paris/.test(walk.answer.text),
          done: 'Without it the answer is gone. What a language model knows by heart does not help here, and does not hurt: the answer follows the passages.',
        },
      },
      {
        at: 'ranking',
        scene: SEED_SCENE,
        text: 'That cuts both ways.',
        task: {
          ask: 'Add a passage with a lie about the capital of France, under “Edit the passages”, so that the answer is your lie. (A passage that repeats the question is found first.)',
          isDone: ({ walk }) => {
            const added = walk.scene.passages?.some(
              ({ text }) => !SEED_SCENE.passages!.some((own) => own.text === text),
            )
            return (
              added === true &&
              walk.scene.dropped.length === 0 &&
              !walk.answer.abstained &&
              !/Paris/.test(walk.answer.text)
            )
          },
          done: 'The lie wins. But the posterior says which passage it came from, and that is what retrieval gives you: a source to judge.',
        },
      },
    ],
  },
]
