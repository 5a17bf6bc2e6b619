/**
 * The picture of a map: one canvas pixel for each weight, which the browser enlarges without smoothing. So it is drawn once, is sharp at
 * any device pixel ratio, and costs nothing while a pointer moves over it.
 */
import { useLayoutEffect, useRef } from 'preact/hooks'
import { heatPixels } from './heat-scale.js'

export interface HeatCanvasProps {
  /** [rows, columns] */
  readonly weights: Float32Array
  readonly columns: number
  readonly palette: Uint8ClampedArray | undefined
  /** CSS pixels. */
  readonly width: number
  readonly height: number
}

export function HeatCanvas({ weights, columns, palette, width, height }: HeatCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const rows = weights.length / columns
  useLayoutEffect(() => {
    if (!palette || weights.length === 0) return
    const pixels = new ImageData(heatPixels(weights, palette), columns, rows)
    canvas.current!.getContext('2d')!.putImageData(pixels, 0, 0)
  }, [weights, columns, palette])
  return (
    <canvas
      ref={canvas}
      class="heat-canvas"
      width={columns}
      height={rows}
      style={{ width: `${width}px`, height: `${height}px` }}
      aria-hidden="true"
    />
  )
}
