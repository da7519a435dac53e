import Display
import Hypervisor

extension RunOptions {
  /// The frame buffer, and what shows it.
  static let display: [OptionRow<RunSettings>] = [
    OptionRow(
      description: OptionDescription(
        long: "vnc", short: nil, shape: .attachedValue("ADDR[,password-file=FILE]"),
        help:
          "Frame buffer, keyboard and mouse by VNC; ADDR is HOST, HOST:PORT or :DISPLAY, FILE has the password in its first line.",
        standard: "127.0.0.1:5900", group: .devices, completion: .none)
    ) { settings, input throws(OptionProblem) in
      switch input {
      case .off: settings.devices.vnc = nil
      case .bare: settings.devices.vnc = VNCConfiguration()
      case .value(let text):
        guard let configuration = VNCConfiguration(option: text) else {
          throw .wanted(
            "HOST, HOST:PORT or :DISPLAY (0 to 99), then ,password-file=FILE; HOST is an IPv4 address")
        }
        settings.devices.vnc = configuration
      }
    },
    .flag("sdl", nil, .devices, "Frame buffer, keyboard and mouse in a window of SDL's.") {
      $0.devices.sdl = $1
    },
    .value(
      "vidmode", nil, "MODE", .devices,
      "Size of the frame buffer: WIDTHxHEIGHT, or VESA's number plus 0x200 (0x312, 0x315, 0x318 or 0x31b).",
      standard: "\(VideoMode.standard)",
      completion: .words(["640x480", "800x600", "1024x768", "1280x1024", "1920x1080"])
    ) { settings, text throws(OptionProblem) in
      guard let text else { return settings.devices.videoMode = nil }
      guard let mode = VideoMode(option: text) else {
        let sizes = VideoMode.sizes
        throw .wanted(
          "WIDTHxHEIGHT, each from \(sizes.lowerBound) to \(sizes.upperBound) and of 15 MiB at most, or 0x312, 0x315, 0x318 or 0x31b"
        )
      }
      settings.devices.videoMode = mode
    },
  ]
}

extension RunSettings.Devices {
  /// - Throws: a usage failure where two displays are asked for.
  func checkDisplays() throws(LkvmFailure) {
    if sdl, vnc != nil { throw .usage("--sdl and --vnc exclude each other") }
  }
}

extension VNCConfiguration {
  /// The setting with the file of the password.
  private static let passwordSetting = "password-file="

  /// Reads `HOST`, `HOST:PORT` or `:DISPLAY`, or none of them, and `,password-file=FILE`; nil for anything else.
  init?(option text: String) {
    self.init()
    let words = text.split(separator: ",", maxSplits: 1, omittingEmptySubsequences: false)
    if words.count > 1 {
      // A path may have commas.
      guard words[1].hasPrefix(Self.passwordSetting) else { return nil }
      let path = words[1].dropFirst(Self.passwordSetting.count)
      guard !path.isEmpty else { return nil }
      passwordFile = String(path)
    }
    let place = words[0].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let host = place.first, !host.isEmpty || place.count == 2 || words.count == 2 else { return nil }
    if !host.isEmpty {
      guard let address = IPv4Address(parsing: host) else { return nil }
      self.address = address
    }
    guard place.count == 2 else { return }
    guard let number = OptionNumber.parse(String(place[1])) else { return nil }
    if host.isEmpty {
      guard (0...99).contains(number) else { return nil }
      port = Self.basePort + UInt16(number)
    } else {
      guard let number = UInt16(exactly: number) else { return nil }
      port = number
    }
  }
}

extension VideoMode {
  /// Reads `WIDTHxHEIGHT` or a number of VESA's plus 200h; nil for anything else.
  init?(option text: String) {
    if let number = OptionNumber.parse(text) {
      self.init(number: number)
      return
    }
    let parts = text.split(separator: "x", omittingEmptySubsequences: false)
    guard parts.count == 2, let width = Int(parts[0]), let height = Int(parts[1]) else { return nil }
    self.init(width: width, height: height)
  }
}
