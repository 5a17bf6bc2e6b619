export { attentionRollout, type RolloutOptions } from './attention-rollout.js'
export {
  directLogitAttribution,
  type Contribution,
  type LogitAttribution,
  type LogitAttributionOptions,
} from './direct-logit-attribution.js'
export { logitLens, type LensLogits, type LogitLensOptions } from './logit-lens.js'
