/**
 * A dot product taken apart: the product of each pair of numbers, and the pairs that give most.
 */
import { decimal } from '../app/format.js'
import { VectorStrip } from './vector-strip.js'

export interface ProductsProps {
  readonly question: Float32Array
  readonly passage: Float32Array
  /** Computed apart from this sum. */
  readonly score: number
  readonly name: string
  /** Whose score it is, where it is not the engine's. */
  readonly scorer?: string
}

const SHOWN = 5

export function Products({ question, passage, score, name, scorer = 'the engine’s' }: ProductsProps) {
  const products = question.map((value, i) => value * passage[i])
  const sum = products.reduce((total, product) => total + product, 0)
  const largest = [...products.keys()].sort((a, b) => Math.abs(products[b]) - Math.abs(products[a])).slice(0, SHOWN)
  const rest = sum - largest.reduce((total, i) => total + products[i], 0)
  const describe = (i: number) =>
    `number ${i}: ${decimal(question[i], 4)} × ${decimal(passage[i], 4)} = ${decimal(products[i], 5)}`
  return (
    <div class="products">
      <VectorStrip
        vector={products}
        label={`Products of the question's and the passage's numbers: ${name}`}
        describe={describe}
        height={72}
      />
      <table class="sum">
        <caption class="unseen">The largest products and the sum: {name}</caption>
        <thead>
          <tr>
            <th scope="col">number</th>
            <th scope="col">question</th>
            <th scope="col">passage</th>
            <th scope="col">product</th>
          </tr>
        </thead>
        <tbody>
          {largest.map((i) => (
            <tr key={i}>
              <td>{i}</td>
              <td>{decimal(question[i], 4)}</td>
              <td>{decimal(passage[i], 4)}</td>
              <td>{decimal(products[i], 5)}</td>
            </tr>
          ))}
          <tr>
            <td colSpan={3}>the other {products.length - largest.length}</td>
            <td>{decimal(rest, 5)}</td>
          </tr>
        </tbody>
        <tfoot>
          <tr>
            <th scope="row" colSpan={3}>
              sum, and {scorer} score
            </th>
            <td>
              {decimal(sum, 5)} · {decimal(score, 5)}
            </td>
          </tr>
        </tfoot>
      </table>
    </div>
  )
}
