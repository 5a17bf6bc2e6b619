/**
 * Writes the sample trace to a file for read_trace.py: `npx tsx test/trace/write-sample.ts FILE`.
 */
import { writeFileSync } from 'node:fs'
import { saveTrace } from '../../src/trace/index.js'
import { SAMPLE_INFO, sampleTrace } from './sample.js'

writeFileSync(process.argv[2], saveTrace(sampleTrace(), SAMPLE_INFO))
