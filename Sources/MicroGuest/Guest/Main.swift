import CGuest

/// Where each vCPU starts: the host has set up everything else (see ImageHeader.entryWord).
@c(guest_main)
func guestMain(parameterPage: UInt64, worker: UInt64) -> Never {
  // SAFETY: the host promises the parameter page at this address.
  guard let base = unsafe UnsafeMutableRawPointer(bitPattern: UInt(parameterPage)) else { sleepForEver() }
  let page = unsafe VextSharedWords(base: base)
  let blocks = unsafe page.load(ParameterWord.workerBase)
  guard let block = WorkerBlock(address: blocks &+ worker &* UInt64(WorkloadLayout.workerStride)) else {
    sleepForEver()
  }
  do throws(GuestFailure) {
    let parameters = unsafe try Parameters(page: page, worker: worker)
    if parameters.thinkTicks > 0 { guest_prepare_timer() }
    switch parameters.transport {
    case .vext: try runOnVext(parameters, block: block)
    case .vextAdaptive: try runOnAdaptiveVext(parameters, block: block)
    case .virtioBlock: try runOnVirtio(parameters, block: block)
    }
    block.enter(.finished)
    block.rest()
  } catch {
    block.fail(error)
  }
}

/// There is no block to report in.
private func sleepForEver() -> Never {
  while true { guest_wait_for_interrupt(0) }
}

private func runOnVext(_ parameters: Parameters, block: WorkerBlock) throws(GuestFailure) {
  try initializeDevice(parameters) { () throws(GuestFailure) in
    let function = try DriverPCIFunction.find(vendor: VextPCIIdentity.vendor, device: VextPCIIdentity.device)
    function.enable()
    Handover.device = try function.baseAddress(0)
  }
  var arena = parameters.arena(of: parameters.worker)
  let queue = try VextDriverQueue(device: Handover.device, parameters: parameters, arena: &arena)
  try runWorkload(on: queue, parameters: parameters, block: block, arena: &arena)
}

private func runOnAdaptiveVext(_ parameters: Parameters, block: WorkerBlock) throws(GuestFailure) {
  try initializeDevice(parameters) { () throws(GuestFailure) in
    try AdaptiveVextDriverQueue.initialize(parameters)
  }
  var arena = parameters.arena(of: parameters.worker)
  let queue = try AdaptiveVextDriverQueue(
    device: Handover.device, parameters: parameters, block: block, arena: &arena)
  try runWorkload(on: queue, parameters: parameters, block: block, arena: &arena)
}

private func runOnVirtio(_ parameters: Parameters, block: WorkerBlock) throws(GuestFailure) {
  try initializeDevice(parameters) { () throws(GuestFailure) in
    try VirtioBlockDevice.initialize(parameters)
  }
  var arena = parameters.arena(of: parameters.worker)
  let rings = try VirtqueueRings(
    parameters: parameters, largestSize: Handover.largestQueueSize, arena: &arena)
  let queue = try VirtioBlockDriverQueue(rings: rings, parameters: parameters, block: block, arena: &arena)
  try runWorkload(on: queue, parameters: parameters, block: block, arena: &arena)
}

/// Worker 0 initializes the device for all; the others wait for it.
private func initializeDevice(
  _ parameters: Parameters, _ initialize: () throws(GuestFailure) -> Void
) throws(GuestFailure) {
  if parameters.worker > 0 {
    try Handover.wait()
    return
  }
  do throws(GuestFailure) {
    try initialize()
    Handover.announce()
  } catch {
    Handover.announce(error)
    throw error
  }
}

private func runWorkload<Queue: DriverQueue>(
  on queue: Queue, parameters: Parameters, block: WorkerBlock, arena: inout Arena
) throws(GuestFailure) {
  var workload = try Workload(queue: queue, parameters: parameters, block: block, arena: &arena)
  try workload.run()
}
