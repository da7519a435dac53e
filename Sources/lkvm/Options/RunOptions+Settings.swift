extension RunOptions {
  /// What was given, and the defaults of the rest.
  var settings: RunSettings {
    RunSettings(
      machine: machine.settings, kernel: kernel.settings, devices: devices.settings,
      debugging: debugging.settings)
  }
}

extension MachineOptions {
  fileprivate var settings: RunSettings.Machine {
    .init(
      name: name, cpus: cpus, mem: mem, pin: pin, numaNode: numaNode, hugePages: hugePages, anyKvm: anyKvm)
  }
}

extension KernelOptions {
  fileprivate var settings: RunSettings.Kernel {
    .init(kernel: kernel, initrd: initrd, params: params, sandbox: sandbox, nodefaults: nodefaults)
  }
}

extension DeviceOptions {
  fileprivate var settings: RunSettings.Devices {
    .init(
      disk: disk, vext: vext, diskQueues: diskQueues, ioEngine: ioEngine, noIoeventfd: noIoeventfd,
      shares: shares, network: network, noDhcp: noDhcp, rng: rng, balloon: balloon, console: console,
      tty: tty, virtioTransport: virtioTransport, dev: dev)
  }
}

extension DebuggingOptions {
  fileprivate var settings: RunSettings.Debugging {
    .init(
      debug: debug, debugSingleStep: debugSingleStep, debugIoport: debugIoport, debugMmio: debugMmio,
      debugIodelay: debugIodelay, loglevel: loglevel, stats: stats, statsFile: statsFile)
  }
}
