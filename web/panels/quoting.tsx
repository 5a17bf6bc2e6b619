/**
 * The span reader: where in each passage an answer begins and ends, which span that makes the best of all, and whether the pipeline gives
 * the sentence around it, the worded answer or neither. Its weights are fetched when the panel first comes into sight, if not before.
 */
import { useEffect } from 'preact/hooks'
import { Bar } from '../app/bar.js'
import { count, decimal, passageName, percent } from '../app/format.js'
import { Panel } from '../app/panel.js'
import type { QuotingState } from '../app/quoting-state.js'
import { toCsv } from '../csv.js'
import type { ModelInfo, Progress, Quoting, Walk } from '../protocol.js'
import { around, spanTokens } from './span-scores.js'
import { SpanStrip } from './span-strip.js'

export interface QuotingPanelProps {
  readonly model: ModelInfo
  readonly walk: Walk
  readonly passage: number
  readonly busy: boolean
  readonly quoting: QuotingState
}

const ID = 'quoting'

export function QuotingPanel({ model, walk, passage, busy, quoting }: QuotingPanelProps) {
  const { value, stale, ask } = quoting
  const { spanReader } = model
  useEffect(() => {
    if (!spanReader) return
    const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && ask())
    observer.observe(document.getElementById(ID)!)
    return () => observer.disconnect()
  }, [spanReader, ask])
  return (
    <Panel
      id={ID}
      title="A second reader points at the answer"
      lead="The reader above words an answer, and is good at short facts. Beside it stands one that writes nothing: it says of every token how well an answer begins there and how well it ends there, and what it points at is quoted word for word. All spans of all passages share one softmax with “no answer”, so the passages compete."
      formula={
        <>
          score(<var>i</var>, <var>j</var>) = start<sub>i</sub> − start<sub>CLS</sub> + end<sub>j</sub> − end
          <sub>CLS</sub>, p(<var>i</var>, <var>j</var>) = e<sup>score(i, j)</sup> / (1 + Σ e<sup>score</sup>)
        </>
      }
      facts={
        value && [
          [
            'read by',
            `${value.reader.name}: ${value.reader.family}, ${count(value.reader.parameters)} parameters, width ${value.reader.dModel}, ${value.reader.numHeads} heads`,
          ],
          ['read and searched in', `${value.milliseconds.toFixed(0)} ms`],
          ['hook point', <code class="hook">logits</code>],
        ]
      }
      busy={(busy && value !== undefined) || (stale && quoting.error === undefined)}
      csv={value && (() => csvOf(value))}
    >
      {quoting.error && (
        <div role="alert">
          <p>{quoting.error}</p>
          <p class="actions">
            <button type="button" onClick={quoting.retry}>
              Try again
            </button>
          </p>
        </div>
      )}
      {!spanReader && <p class="note">There is no span reader beside this page.</p>}
      {!value && spanReader && !quoting.error && <Waiting bytes={spanReader.bytes} progress={quoting.progress} />}
      {value && (
        <>
          <Readings quoting={value} passage={passage} />
          <Spans quoting={value} />
          <Shares quoting={value} />
          <Decision quoting={value} walk={walk} />
        </>
      )}
    </Panel>
  )
}

function Waiting({ bytes, progress }: { readonly bytes: number; readonly progress: Progress | undefined }) {
  return (
    <div class="span-waiting">
      <p role="status">
        {progress?.what ?? `The span reader, ${(bytes / 1e6).toFixed(0)} MB, is fetched when this is looked at.`}
      </p>
      {progress && (
        <progress aria-label={progress.what} {...(progress.total > 0 && { value: progress.done / progress.total })} />
      )}
    </div>
  )
}

function Readings({ quoting, passage }: { readonly quoting: Quoting; readonly passage: number }) {
  const { quotes, readings } = quoting
  const best = quotes.spans.at(0)?.passage ?? 0
  return (
    <div class="span-passages">
      <h3>Where an answer begins and ends</h3>
      <p class="note span-legend">
        Upper strip: the answer begins here. Lower strip: it ends here. <span class="span-scale" aria-hidden="true" /> A
        score of 0, half the colour, is that of “no answer”. What is underlined is the best span of the passage.
      </p>
      {quotes.passages.map((read, z) => {
        const own = readings.filter((reading) => reading.passage === z)
        return (
          <details key={read.id} open={z === best || z === passage}>
            <summary>
              <span class="badge">{z + 1}</span> {passageName(read)} <span class="number">{percent(read.share)}</span>
            </summary>
            {own.map((reading, part) => (
              <SpanStrip
                key={part}
                tokens={spanTokens(reading, read.text, quotes)}
                name={`passage ${z + 1}${own.length > 1 ? `, part ${part + 1} of ${own.length}` : ''}`}
              />
            ))}
          </details>
        )
      })}
    </div>
  )
}

function Spans({ quoting: { quotes } }: { readonly quoting: Quoting }) {
  const { spans, passages, agreeing, differing } = quotes
  return (
    <div>
      <h3>The best spans</h3>
      <p class="note">
        {spans.length === 0
          ? 'No span is likely enough to be counted.'
          : 'What fits best comes first: beside the score it counts how many of the question’s words the sentence has with the title above it, rare ones more, and how near its passage is to the question.'}
      </p>
      <ol class="span-list">
        {spans.map((span, i) => {
          const { start, end } = span.quote
          const [before, marked, after] = around(passages[span.passage].text.slice(start, end), {
            start: span.start - start,
            end: span.end - start,
          })
          return (
            <li key={i}>
              <p>
                <span class="badge">{span.passage + 1}</span> {before}
                <mark style={{ '--share': '0.6' }}>{marked}</mark>
                {after}
              </p>
              <span class="measure">
                <span>
                  fit {decimal(span.fit)}: score {decimal(span.score)}, {percent(span.overlap)} of the question’s words
                  {agreeing.includes(i) && ', says the same as the first'}
                  {differing.includes(i) && ', says something else'}
                </span>
                <Bar share={span.probability} strong={i === 0} />
                <span class="number">{percent(span.probability)}</span>
              </span>
            </li>
          )
        })}
      </ol>
    </div>
  )
}

function Shares({ quoting: { quotes } }: { readonly quoting: Quoting }) {
  return (
    <div>
      <h3>Where the probability lies</h3>
      <ul class="span-list" aria-label="Shares of the softmax">
        {quotes.passages.map(({ id, share }, z) => (
          <li key={id} class="measure">
            <span>
              <span class="badge">{z + 1}</span> all spans of passage {z + 1}
            </span>
            <Bar share={share} strong />
            <span class="number">{percent(share)}</span>
          </li>
        ))}
        <li class="measure">
          <span>no answer</span>
          <Bar share={quotes.pNoAnswer} />
          <span class="number">{percent(quotes.pNoAnswer)}</span>
        </li>
      </ul>
    </div>
  )
}

function Decision({ quoting: { quotes, given }, walk }: { readonly quoting: Quoting; readonly walk: Walk }) {
  const [best] = quotes.spans as readonly (typeof quotes.spans)[number][]
  return (
    <div class="span-decision">
      <h3>Which answer is given</h3>
      <ul class="span-list">
        {given && (
          <li class={given.kind === 'said' ? 'is-given' : undefined}>
            <p>
              <b>Worded:</b> {given.judged.worded ?? 'nothing; no passage seemed to answer'}
            </p>
            <Right probability={given.judged.said} strong={given.kind === 'said'} />
          </li>
        )}
        <li class={given?.kind === 'quoted' ? 'is-given' : undefined}>
          <p>
            <b>Quoted:</b> {best ? quotes.text : 'nothing; there is no span'}
          </p>
          <Right probability={best ? quotes.probability : 0} strong={given?.kind === 'quoted'} />
        </li>
      </ul>
      <p role="status">{whyOf(quotes.probability, given, walk)}</p>
      <p class="aside">
        How likely an answer is to be right is not its share of a softmax. It is a logistic regression over what each
        reader knows when it has an answer, learnt on questions whose answers are known. What is given stands at the top
        of the page. The path below is that of the first reader’s words, whatever is given: a quote has no tokens that
        were written.
      </p>
    </div>
  )
}

function Right({ probability, strong }: { readonly probability: number; readonly strong: boolean }) {
  return (
    <span class="measure">
      <span>is right with probability</span>
      <Bar share={probability} strong={strong} />
      <span class="number">{percent(probability)}</span>
    </span>
  )
}

/** In a sentence, what is given and by which numbers. */
export function whyOf(quoted: number, given: Quoting['given'], { answer }: Pick<Walk, 'answer'>): string {
  if (!given) {
    return answer.mode === 'conditioned'
      ? `The two are not weighed against each other here: that was learnt for the default reader, and yours words the answer.`
      : `Nothing is decided in the mode ${answer.mode}: it gives the worded answer, whatever is quoted. The quote is right with probability ${percent(quoted)}.`
  }
  const { said, quoted: quotable, minProbability, preferSaid } = given.judged
  const [least, both] = [percent(minProbability), `${percent(said)} worded, ${percent(quotable)} quoted`]
  switch (given.kind) {
    case 'said':
      return said < quotable
        ? `The worded answer is given: ${both}. From ${percent(preferSaid)} on it goes before a likelier quote.`
        : `The worded answer is given: ${both}. It is the likelier one, and not below the ${least} that an answer needs.`
    case 'quoted':
      return `The quote is given: ${both}. It is the likelier one, and not below the ${least} that an answer needs.`
    case 'refused':
      return `Neither is given: ${both}. An answer needs ${least}, so what is said is “${given.text}”`
  }
}

function csvOf({ quotes, readings }: Quoting): string {
  return toCsv([
    ['passage', 'place', 'token', 'start', 'end'],
    ...readings.flatMap((reading) =>
      spanTokens(reading, quotes.passages[reading.passage].text, quotes).map(({ text, start, end }, i) => {
        return [quotes.passages[reading.passage].id, i, text, start, end]
      }),
    ),
  ])
}
