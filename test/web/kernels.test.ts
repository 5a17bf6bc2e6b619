/**
 * The kernels as the explorer shows them: every one that can be compiled has its place in the source, and laying a shader out changes
 * nothing but white space.
 */
import { describe, expect, test } from 'vitest'
import * as elementwise from '../../src/backends/gpu/kernels/elementwise.js'
import * as product from '../../src/backends/gpu/kernels/product.js'
import * as rows from '../../src/backends/gpu/kernels/rows.js'
import { writtenKernel } from '../../web/panels/kernel-sources.js'
import { layOutShader, splitShader } from '../../web/panels/shader-text.js'

const FILES = { elementwise, product, rows }
/** File, name of the declaration, and name that it is compiled under. */
const KERNELS = Object.entries(FILES).flatMap(([file, declarations]) =>
  Object.entries(declarations).flatMap(([declared, declaration]): (readonly [string, string, string])[] => {
    const kernel = typeof declaration === 'function' ? declaration('gelu', '') : declaration
    return typeof kernel === 'string' ? [] : [[file, declared, kernel.name]]
  }),
)

test('every kernel is shown as it is written', () => {
  expect(KERNELS.length).toBeGreaterThan(25)
  for (const [file, declared, name] of KERNELS) {
    const { path, declaration, computes } = writtenKernel(name)!
    expect(path, name).toBe(`src/backends/gpu/kernels/${file}.ts`)
    expect(declaration, name).toMatch(new RegExp(`^(/\\*\\*[^]*\\*/\n)?export (const|function) ${declared}\\b`))
    expect(declaration.match(/^export /gm), name).toHaveLength(1)
    expect(declaration, name).toMatch(/[})]$/)
    expect(computes.endsWith('.'), name).toBe(true)
    expect(computes.includes('gelu'), name).toBe(name.endsWith('.gelu'))
  }
  expect(writtenKernel('rowMax')!.declaration).toContain('largest = Math.max(largest, x[this.thread.x * width + i])')
  expect(writtenKernel('gather.quads')!.declaration).toContain('export const gatherQuads')
  expect(writtenKernel('linear')!.computes).toBe(writtenKernel('linear.gelu')!.computes.replace(' Then gelu.', ''))
  expect(writtenKernel('nothing')).toBeUndefined()
})

describe('a shader', () => {
  const GLSL = `#version 300 es
precision highp float;
float twice(float x) {
  return x * 2.0;
}

uniform highp sampler2D user_a;
uniform highp int user_k;
void kernel() {
float user_sum=0.0;int user_i=0;
for (int safeI=0;safeI<LOOP_MAX;safeI++){
if (!(user_i<user_k)) break;
if (user_i>2){
user_sum+=1.0;user_sum+=2.0;}

user_i++;}

kernelResult = user_sum;return;
}`

  test('of GLSL is split where the kernel’s own part begins', () => {
    const { before, own } = splitShader(GLSL)
    expect(before).toMatch(/^#version 300 es[^]*\}$/)
    expect(own).toMatch(/^uniform highp sampler2D user_a;/)
    expect(splitShader('struct Params {\n  user_k : i32,\n}')).toEqual({
      before: '',
      own: 'struct Params {\n  user_k : i32,\n}',
    })
  })

  test('is laid out with a statement a line, and not changed otherwise', () => {
    const laidOut = layOutShader(splitShader(GLSL).own)
    expect(laidOut).toBe(`uniform highp sampler2D user_a;
uniform highp int user_k;
void kernel() {
  float user_sum=0.0;
  int user_i=0;
  for (int safeI=0;safeI<LOOP_MAX;safeI++){
    if (!(user_i<user_k)) break;
    if (user_i>2){
      user_sum+=1.0;
      user_sum+=2.0;
    }
    user_i++;
  }
  kernelResult = user_sum;
  return;
}`)
    expect(laidOut.replace(/\s/g, '')).toBe(splitShader(GLSL).own.replace(/\s/g, ''))
  })
})
