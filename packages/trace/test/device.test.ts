import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { NO_DEVICE, deviceText, majorOf, makeDevice, minorOf, parseDevice } from '../src/device.ts'

const devices = suite('device numbers')

devices('there and back', () => {
  for (const [major, minor] of [
    [0, 0],
    [8, 1],
    [254, 0],
    [4095, (1 << 20) - 2],
  ]) {
    const device = makeDevice(major, minor)
    assert.equal([majorOf(device), minorOf(device)], [major, minor])
    assert.is(parseDevice(`${major}:${minor}`), device)
    assert.is(parseDevice(`${major},${minor}`), device)
    assert.is(deviceText(device), `${major}:${minor}`)
  }
})

devices('no device', () => {
  assert.is(deviceText(NO_DEVICE), null)
  for (const text of ['', '8', '8:', 'sda', '8:1:2', '-1:0']) assert.is(parseDevice(text), null, text)
})

devices.run()
