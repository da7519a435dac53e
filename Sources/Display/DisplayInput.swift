import Hypervisor

/// Turns what a viewer says about keys and pointer into what the guest's PS/2 devices report. One thread.
struct DisplayInput {
  private let keyboard: KeyboardController
  /// The keys that are down.
  private var held: Set<KeyCode> = []
  /// The pointer's last place in pixels; nil until a viewer has told one.
  private var place: (x: Int32, y: Int32)?
  private var buttons: UInt32 = 0

  /// Bits of a viewer's buttons.
  private enum ViewerButton {
    static let left: UInt32 = 1 << 0
    static let middle: UInt32 = 1 << 1
    static let right: UInt32 = 1 << 2
    static let wheelUp: UInt32 = 1 << 3
    static let wheelDown: UInt32 = 1 << 4
  }

  /// Ctrl and Alt, with which a key is a command and not a character.
  private static let commandKeys: Set<KeyCode> = [
    KeyCode(0x14), KeyCode(0xE014), KeyCode(0x11), KeyCode(0xE011),
  ]
  /// Places are below this value.
  private static let placeLimit: Int32 = 1 << 16

  /// Input for the devices of `keyboard`.
  init(_ keyboard: KeyboardController) { self.keyboard = keyboard }

  /// A key with a symbol of X11's goes down or up. A symbol without a key is ignored.
  mutating func key(symbol: UInt32, isDown: Bool) {
    guard let key = KeySymbols.key(for: symbol) else { return }
    guard isDown, var wantsShift = key.wantsShift, held.isDisjoint(with: Self.commandKeys) else {
      return press(key.code, isDown: isDown)
    }
    // A viewer with another layout holds Shift for other signs, and may have another state of Caps Lock.
    if key.isLetter, keyboard.showsCapsLock { wantsShift.toggle() }
    let shifts = held.intersection([KeySymbols.leftShift, KeySymbols.rightShift])
    if wantsShift == !shifts.isEmpty { return press(key.code, isDown: true) }
    let changed = shifts.isEmpty ? [KeySymbols.leftShift] : shifts
    for shift in changed { keyboard.report(shift, isDown: wantsShift) }
    press(key.code, isDown: true)
    for shift in changed { keyboard.report(shift, isDown: !wantsShift) }
  }

  /// A key goes down or up.
  mutating func press(_ key: KeyCode, isDown: Bool) {
    if isDown { held.insert(key) } else { held.remove(key) }
    keyboard.report(key, isDown: isDown)
  }

  /// Releases all keys and buttons, because a viewer has gone.
  mutating func releaseAll() {
    for key in held { keyboard.report(key, isDown: false) }
    held = []
    if buttons != 0 { keyboard.report(PointerMovement()) }
    (buttons, place) = (0, nil)
  }

  /// The pointer is at a place in pixels, with buttons in VNC's bits.
  mutating func pointer(x: Int32, y: Int32, buttons: UInt32) {
    let (x, y) = (max(0, min(Self.placeLimit, x)), max(0, min(Self.placeLimit, y)))
    let last = place ?? (x, y)
    // A notch of the wheel is a press of a button.
    let pressed = buttons & ~self.buttons
    let wheel: Int32 =
      (pressed & ViewerButton.wheelDown != 0 ? 1 : 0) - (pressed & ViewerButton.wheelUp != 0 ? 1 : 0)
    move(right: x - last.x, down: y - last.y, wheel: wheel, buttons: buttons)
    place = (x, y)
  }

  /// The pointer moves by a distance, with buttons in VNC's bits.
  mutating func move(right: Int32, down: Int32, wheel: Int32, buttons: UInt32) {
    var held: PointerMovement.Buttons = []
    if buttons & ViewerButton.left != 0 { held.insert(.left) }
    if buttons & ViewerButton.middle != 0 { held.insert(.middle) }
    if buttons & ViewerButton.right != 0 { held.insert(.right) }
    let changes = (buttons ^ self.buttons) & (ViewerButton.left | ViewerButton.middle | ViewerButton.right)
    self.buttons = buttons
    guard right != 0 || down != 0 || wheel != 0 || changes != 0 else { return }
    keyboard.report(PointerMovement(right: right, down: down, wheel: wheel, buttons: held))
  }
}
