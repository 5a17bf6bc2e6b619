/**
 * Server-sent events (WHATWG HTML, 9.2): the response stays open, and each event is a name and a line of JSON.
 */
import type { ServerResponse } from 'node:http'

export class EventStream {
  static readonly type = 'text/event-stream'
  readonly #response: ServerResponse

  constructor(response: ServerResponse) {
    this.#response = response
  }

  /** The first event sends the head; until then, the response can still have another status. */
  send(event: string, data: object): void {
    this.#write(event, JSON.stringify(data))
  }

  /** The last event. @param json on one line */
  end(event: string, json: string): void {
    this.#write(event, json)
    this.#response.end()
  }

  #write(event: string, json: string): void {
    if (!this.#response.headersSent) this.#response.setHeader('Content-Type', EventStream.type)
    this.#response.write(`event: ${event}\ndata: ${json}\n\n`)
  }
}
