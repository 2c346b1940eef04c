// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

/// @title A payee that can be told to misbehave when coin arrives (tests only)
contract RefusingReceiver {
    enum Mode {
        Accept,
        Revert,
        BurnGas,
        Bomb,
        Reenter
    }

    /// @dev A revert of this size would cost its reader millions of gas if it were copied.
    uint256 private constant BOMB_BYTES = 1_000_000;

    Mode public mode;
    address public target;
    bytes public data;
    uint256 public received;
    bool public reentered;
    bytes public answer;

    error Refused();

    constructor(Mode mode_) payable {
        mode = mode_;
    }

    receive() external payable {
        if (mode == Mode.Accept) return;
        if (mode == Mode.Revert) revert Refused();
        if (mode == Mode.BurnGas) {
            while (true) {}
        }
        if (mode == Mode.Bomb) {
            assembly ("memory-safe") {
                revert(0, BOMB_BYTES)
            }
        }
        ++received;
        (reentered, answer) = target.call(data);
    }

    function setMode(Mode mode_) external {
        mode = mode_;
    }

    /// @notice From now on an arriving payment calls `target` with `data`; whether that succeeded is kept.
    function reenter(address target_, bytes calldata data_) external {
        mode = Mode.Reenter;
        target = target_;
        data = data_;
    }

    /// @notice Calls as this payee.
    function execute(address to, bytes calldata data_) external payable {
        (bool ok, bytes memory result) = to.call{value: msg.value}(data_);
        if (ok) return;
        assembly ("memory-safe") {
            revert(add(result, 0x20), mload(result))
        }
    }
}
