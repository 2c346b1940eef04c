// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

/// @title A payee that does its worst when coin arrives (tests only)
contract HostilePayee {
    enum Mode {
        Accepts,
        WritesASlot,
        ReturnsABomb,
        SendsOn,
        Reverts,
        RevertsWithReason,
        RevertsWithABomb,
        Panics,
        RunsInvalidOpcode,
        BurnsGas,
        FillsMemory,
        WritesManySlots,
        Recurses,
        CreatesContracts,
        RefusesOdd,
        RefusesFirst,
        CallsBack
    }

    /// @dev As much as a stipend of 30,000 can buy.
    uint256 private constant BOMB_BYTES = 90_000;
    address private constant SINK = 0x000000000000000000000000000000000000dEaD;

    Mode public mode;
    mapping(uint256 slot => uint256) private _slots;
    uint256 public visits;
    address public target;
    bytes public data;
    uint256 public calls;
    bool public succeeded;
    bytes public answer;

    error Refused();

    receive() external payable {
        Mode m = mode;
        if (m == Mode.Accepts) return;
        if (m == Mode.WritesASlot) {
            _slots[visits] = 1;
            return;
        }
        _refuse(m);
        if (m == Mode.SendsOn) _send(SINK, msg.value);
        if (m == Mode.Recurses) _call(address(this), msg.value, "");
        if (m == Mode.CallsBack) _call(target, 0, data);
        if (m == Mode.CreatesContracts) _create();
        if (m == Mode.WritesManySlots) {
            for (uint256 i = 0; i < 64; ++i) _slots[uint256(keccak256(abi.encode(visits, i)))] = 1;
        }
        if (m == Mode.RefusesFirst) {
            // Its refusal forgets the visit: it is the caller that must not come again.
            if (++visits < 2) revert Refused();
        }
        if (m == Mode.ReturnsABomb) {
            assembly ("memory-safe") {
                return(0, BOMB_BYTES)
            }
        }
    }

    function setMode(Mode mode_) external {
        mode = mode_;
    }

    /// @notice What arriving coin calls, in the mode CallsBack.
    function setCall(address target_, bytes calldata data_) external {
        (mode, target, data) = (Mode.CallsBack, target_, data_);
    }

    /// @notice Calls as this payee.
    function execute(address to, bytes calldata data_) external payable {
        (bool ok, bytes memory result) = to.call{value: msg.value}(data_);
        if (ok) return;
        assembly ("memory-safe") {
            revert(add(result, 0x20), mload(result))
        }
    }

    /// @notice Several calls in one transaction.
    function executeAll(address[] calldata to, bytes[] calldata data_) external {
        for (uint256 i = 0; i < to.length; ++i) {
            (bool ok, bytes memory result) = to[i].call(data_[i]);
            if (ok) continue;
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
    }

    /// @dev Without the books of _call: a stipend has no gas for them.
    function _send(address to, uint256 value) private {
        (bool ok, ) = to.call{value: value}("");
        if (!ok) revert Refused();
    }

    function _create() private {
        assembly ("memory-safe") {
            for {
                let i := 0
            } lt(i, 16) {
                i := add(i, 1)
            } {
                pop(create(0, 0, 0))
            }
        }
    }

    function _call(address to, uint256 value, bytes memory input) private {
        ++calls;
        (succeeded, answer) = to.call{value: value}(input);
    }

    function _refuse(Mode m) private view {
        if (m == Mode.Reverts) revert Refused();
        // solhint-disable-next-line gas-custom-errors
        if (m == Mode.RevertsWithReason) revert("no, thank you");
        if (m == Mode.RefusesOdd && msg.value % 2 == 1) revert Refused();
        if (m == Mode.Panics) assert(false);
        if (m == Mode.BurnsGas) {
            while (true) {}
        }
        assembly ("memory-safe") {
            switch m
            case 6 {
                // RevertsWithABomb
                revert(0, BOMB_BYTES)
            }
            case 8 {
                // RunsInvalidOpcode
                invalid()
            }
            case 10 {
                // FillsMemory
                mstore(0xffffffff, 1)
            }
        }
    }
}
