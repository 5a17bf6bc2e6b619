/**
 * Whether the system asks for less motion.
 */
import { useEffect, useState } from 'preact/hooks'

export function useReducedMotion(): boolean {
  const query = () => matchMedia('(prefers-reduced-motion: reduce)')
  const [isReduced, setReduced] = useState(() => query().matches)
  useEffect(() => {
    const list = query()
    const onChange = () => setReduced(list.matches)
    list.addEventListener('change', onChange)
    return () => list.removeEventListener('change', onChange)
  }, [])
  return isReduced
}
