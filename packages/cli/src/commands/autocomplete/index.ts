// By path, because the plugin does not export its commands and a plugin found at run time would cost start-up time.
export { default } from '../../../node_modules/@oclif/plugin-autocomplete/lib/commands/autocomplete/index.js'
