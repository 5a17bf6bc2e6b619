/**
 * What runs in the thread that parses, in a page.
 */
import type { ParseJob } from './parse.js'
import { replyTo } from './parsed-reply.js'

globalThis.onmessage = async ({ data }: MessageEvent<ParseJob>) => globalThis.postMessage(await replyTo(data))
globalThis.postMessage('ready')
