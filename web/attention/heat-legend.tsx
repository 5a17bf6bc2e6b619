/**
 * The scale of weights as a strip of all its shades, with the weights written where they lie.
 */
import { useMemo } from 'preact/hooks'
import { HeatCanvas } from './heat-canvas.js'
import { LEGEND_WEIGHTS, shadeOf } from './heat-scale.js'

const WIDTH = 180
/** Weights whose shades are equally spaced. */
const RAMP = Float32Array.from({ length: WIDTH }, (_, i) => (i / (WIDTH - 1)) ** 2)

export function HeatLegend({ palette }: { readonly palette: Uint8ClampedArray | undefined }) {
  const strip = useMemo(
    () => <HeatCanvas weights={RAMP} columns={WIDTH} palette={palette} width={WIDTH} height={10} />,
    [palette],
  )
  return (
    <figure class="heat-legend">
      {strip}
      <div class="heat-legend-ticks" aria-hidden="true">
        {LEGEND_WEIGHTS.map((weight) => (
          <span key={weight} style={{ left: `${shadeOf(weight) * 100}%` }}>
            {weight}
          </span>
        ))}
      </div>
      <figcaption>weight; the shade follows its square root</figcaption>
    </figure>
  )
}
