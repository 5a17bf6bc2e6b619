/**
 * The panels of the path, in its order.
 */
export const STATIONS = [
  { id: 'question', name: 'Tokens' },
  { id: 'vector', name: 'Vector' },
  { id: 'ranking', name: 'Search' },
  { id: 'prior', name: 'Prior' },
  { id: 'reading', name: 'Reading' },
  { id: 'quoting', name: 'Quote' },
  { id: 'encoder', name: 'Self-attention' },
  { id: 'decoder', name: 'Cross-attention' },
  { id: 'distributions', name: 'Next token' },
  { id: 'mixture', name: 'Mixture' },
  { id: 'provenance', name: 'Answer' },
  { id: 'ablation', name: 'Ablation' },
  { id: 'recurrent', name: 'LSTM' },
  { id: 'backends', name: 'Backends' },
  { id: 'kernels', name: 'Kernels' },
] as const
