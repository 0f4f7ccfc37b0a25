export { attribute, type Attributed } from './attribute.ts'
export { check } from './check.ts'
export { checkSchema, type CheckAnswer } from './check-schema.ts'
export { events, type CallEvent } from './events.ts'
export { inspect } from './inspect.ts'
export { inspectSchema, type InspectAnswer } from './inspect-schema.ts'
export { rank, type RankOptions } from './rank.ts'
export { RANK_SORTS, type RankSort } from './rank-order.ts'
export { rankSchema, type RankAnswer, type RankRow } from './rank-schema.ts'
export {
  RECIPE_FILE_SYSTEMS,
  RECIPE_TOOLS,
  recipe,
  type RecipeFileSystem,
  type RecipeOptions,
  type RecipeTool,
} from './recipe.ts'
export { DIMENSIONS, type Dimension } from './tally.ts'
export type { AnalyzeOptions } from './analyze.ts'
export type { DocumentHead } from './document.ts'
export { locate, type LocateOptions } from './locate.ts'
export { locateSchema, type LocateAnswer, type LocateRow } from './locate-schema.ts'
export { locateEvents, type LocatedWrite } from './locate-events.ts'
