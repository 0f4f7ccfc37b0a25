export { attribute, type Attributed } from './attribute.ts'
export { check } from './check.ts'
export { checkSchema, type CheckAnswer } from './check-schema.ts'
export { events, type CallEvent } from './events.ts'
export { explain, type ExplainOptions } from './explain.ts'
export { explainSchema, type ExplainAnswer, type ExplainRow } from './explain-schema.ts'
export { inspect } from './inspect.ts'
export { inspectSchema, type InspectAnswer } from './inspect-schema.ts'
export { rank, type RankOptions } from './rank.ts'
export { RANK_SORTS, type RankSort } from './rank-order.ts'
export { rankSchema, type RankAnswer, type RankRow } from './rank-schema.ts'
export { recipe } from './recipe.ts'
export { RECIPE_FILE_SYSTEMS, RECIPE_TOOLS, type RecipeOptions } from './recipe-options.ts'
export { shellWord } from './shell-word.ts'
export { lastPart, titleOf } from './title.ts'
export { DIMENSIONS, type Dimension } from './tally.ts'
export type { AnalyzeOptions } from './analysis.ts'
export type { DocumentHead } from './document.ts'
export { RULES } from './locate-rows.ts'
export { locate, type LocateOptions } from './locate.ts'
export {
  locateSchema,
  locateSectorSchema,
  type LocateAnswer,
  type LocateRow,
  type LocatedWrite,
  type LocateSectorAnswer,
} from './locate-schema.ts'
export { locateEvents } from './locate-events.ts'
export { locateSector } from './locate-sector.ts'
export { anonymize, type AnonymizeAnswer } from './anonymize.ts'
export { Stages } from '@flushtrace/trace'
