import ArgumentParser

/// What `lkvm run` and `lkvm sandbox` have in common.
struct RunOptions: ParsableArguments {
  @OptionGroup(title: "Machine")
  var machine: MachineOptions

  @OptionGroup(title: "Kernel")
  var kernel: KernelOptions

  @OptionGroup(title: "Devices")
  var devices: DeviceOptions

  @OptionGroup(title: "Debugging")
  var debugging: DebuggingOptions

  @OptionGroup(title: "Not supported yet")
  var unsupported: UnsupportedOptions
}
