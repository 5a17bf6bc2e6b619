/**
 * The state that the page opens in: the example that the project began with, and four passages beside it, so that there is something
 * to rank. Two of them do not hold the answer and say something all the same, which is worth seeing.
 */
import type { Scene } from '../protocol.js'

export const SEED_SCENE: Scene = {
  question: 'What is the capital of France?',
  passages: [
    { id: 'france', title: '', text: 'France is a country in Europe. Its capital is Paris.' },
    { id: 'seine', title: '', text: 'The Seine is a river in France. It flows through Paris.' },
    { id: 'germany', title: '', text: 'Germany is a country in Europe. Its capital is Berlin.' },
    { id: 'australia', title: '', text: 'Australia is a country and a continent. Its capital is Canberra.' },
    { id: 'giraffe', title: '', text: 'The giraffe is the tallest living animal on land.' },
  ],
  served: false,
  topK: 3,
  mode: 'conditioned',
  dropped: [],
  scores: {},
  ablated: [],
}
