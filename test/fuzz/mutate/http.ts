/**
 * Mutations of HTTP requests: the head as text, and the JSON of the body, whose length is then said as it is.
 */
import { mutateBytes } from './bytes.js'
import { jsonMutator } from './json.js'
import { join, toBytes, toText, type Mutate } from './mutate.js'
import { textMutator } from './text.js'

const mutateHead = textMutator(['GET ', 'POST ', 'HEAD ', 'OPTIONS ', 'TRACE ', 'CONNECT x:1', '/api/ask', '/api/search', '/api/passages/', '/api/health', '/../', '%00', '%', '//', '?stream', '?stream&stream', '#', ' HTTP/1.1\r\n', ' HTTP/9.9\r\n', 'http://x/', 'Host: \r\n', 'Host: evil.example\r\n', 'Origin: null\r\n', 'Origin: http://x\r\n', 'Content-Length: 99999999999\r\n', 'Content-Length: -1\r\n', 'Transfer-Encoding: chunked\r\n', 'Transfer-Encoding: gzip, chunked\r\n', 'Expect: 100-continue\r\n', 'Expect: x\r\n', 'Upgrade: websocket\r\nConnection: upgrade\r\n', 'Content-Encoding: gzip\r\n', 'Content-Type: text/plain\r\n', 'Accept: text/event-stream\r\n', 'Range: bytes=0-\r\n', 'Connection: close\r\n', '\r\n', '\r', '\n', ':', ' ']) // prettier-ignore
const mutateBody = jsonMutator([
  'question',
  'topK',
  'mode',
  'filter',
  'sources',
  'minProbability',
  'rag-token',
  'conditioned',
  'format',
  'html',
])
const END = '\r\n\r\n'

export const mutateHttp: Mutate = (request, random, others) => {
  if (random.below(8) === 0) return mutateBytes(request, random, others)
  const text = toText(request)
  const end = text.indexOf(END)
  if (end < 0 || random.below(2) === 0) return mutateHead(request, random, others)
  const body = text.slice(end + END.length)
  const made =
    body === ''
      ? mutateBytes(request.subarray(request.length), random, others)
      : mutateBody(toBytes(body), random, [toBytes(body)])
  const head = text.slice(0, end).replace(/^(content-length:) *\d+/im, `$1 ${made.length}`)
  return join(toBytes(head + END), made)
}
