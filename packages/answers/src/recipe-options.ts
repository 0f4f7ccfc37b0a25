/** What a recipe can be asked for. */
export const RECIPE_FILE_SYSTEMS = ['btrfs', 'ext4', 'xfs', 'zfs'] as const
export type RecipeFileSystem = (typeof RECIPE_FILE_SYSTEMS)[number]

export const RECIPE_TOOLS = ['strace', 'blktrace', 'sysdig'] as const
export type RecipeTool = (typeof RECIPE_TOOLS)[number]

export interface RecipeOptions {
  /** Leaves out what other file systems need; without it the script looks what is mounted. */
  readonly fs?: RecipeFileSystem
  /** A block device or a folder; without it the script takes the file system that was written to most. */
  readonly device?: string
  /** Default: strace and blktrace. sysdig loads a driver and saves environments, so it must be asked for. */
  readonly tools?: readonly RecipeTool[]
  /** Default: 60. */
  readonly seconds?: number
  /** Names or pids for strace; without any the script takes the programs that write. */
  readonly processes?: readonly string[]
}
