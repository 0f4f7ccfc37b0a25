/**
 * What it takes to start: the shortest commands beside an empty program of Node.
 *
 *     npm run bench -- start-up
 */
import {
  benchOptions,
  besideFirst,
  circumstances,
  flushtrace,
  inTurn,
  table,
  times,
  type Contender,
} from '../../../scripts/measure-command.ts'

const FEW = 'fixtures/strace/unfinished-resumed.txt'
const { rounds } = benchOptions(21)
const contenders: Contender[] = [
  { name: 'node -e 0', program: process.execPath, args: ['-e', '0'] },
  flushtrace(['--help'], 'flushtrace --help'),
  flushtrace(['rank', FEW], 'flushtrace rank, a few lines'),
  flushtrace(['rank', 'fixtures/strace/fd-ext4/strace.txt'], 'flushtrace rank, 912 lines'),
  {
    name: 'flushtrace rank, a few lines, no code kept',
    program: 'env',
    args: ['NODE_DISABLE_COMPILE_CACHE=1', process.execPath, ...flushtrace(['rank', FEW]).args],
  },
]
const runs = inTurn(contenders, rounds)
const rows = besideFirst(contenders, runs).map((cells, k) => [...cells, k > 0 ? times(2.5) : ''])
console.log(circumstances(rounds))
console.log(table(['', 'time', 'of Node’s', 'CPU time', 'of Node’s', 'at most'], rows))
