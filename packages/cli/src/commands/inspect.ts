import { Command } from '@oclif/core'
export default class Inspect extends Command {
  async run(): Promise<void> {
    this.log('placeholder')
  }
}
