/**
 * Talking to a server as its clients do, and as those do who mean harm.
 */
import { connect } from 'node:net'

const JSON_TYPE = { 'Content-Type': 'application/json' }

/** @param address ends in a slash */
export function post(address: string, path: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  return fetch(`${address}api/${path}`, { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(body), ...init })
}

/** Sends bytes as they are, and gives all that comes back. */
export function raw(text: string, address: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(Number(new URL(address).port), '127.0.0.1', () => socket.write(text))
    socket.on('data', (bytes) => (answer += bytes.toString()))
    socket.on('error', reject)
    socket.on('close', () => resolve(answer))
  })
}

/** The events of a stream, in their order. */
export async function eventsOf(response: Response): Promise<{ event: string; data: unknown }[]> {
  const blocks = (await response.text()).split('\n\n').filter((block) => block !== '')
  return blocks.map((block) => {
    const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(block)!
    return { event, data: JSON.parse(data) as unknown }
  })
}

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5))
}
