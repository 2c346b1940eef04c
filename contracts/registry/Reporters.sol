// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {RegistryBase} from "./RegistryBase.sol";

/// @title The reporters: at most eight seats, a set in force from a cut on (R-11)
/// @notice A seat is the place of a reporter's words in the ring. It passes on only after every cycle that it served
/// is settled, so in any lane a seat has exactly one holder (docs/decisions/0003-reporter-seats.md).
abstract contract Reporters is RegistryBase {
    /// @dev Eight reporters' bits for 24 hours fill 192 bits of a lane's header.
    uint256 public constant MAX_REPORTERS = 8;
    bytes32 private constant KEEPER_ROLE = keccak256("KEEPER_ROLE");
    uint32 private constant FOREVER = type(uint32).max;

    struct Reporter {
        uint8 seatPlusOne;
        uint32 from; // first cycle it may push for
        uint32 until; // first cycle it may not push for
        bool expelled;
    }

    mapping(address reporter => Reporter) internal _reporters;
    address[MAX_REPORTERS] private _seatHolders;

    constructor(address reporter) {
        if (reporter == address(0)) revert ZeroAddress();
        _registry.seats = 1;
        _seat(reporter, 0, 0);
    }

    /// @notice See IHeartbeatRegistry.addReporter.
    function addReporter(address reporter) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (reporter == address(0)) revert ZeroAddress();
        if (isReporter(reporter) || _holdsSeat(reporter)) revert ReporterKnown(reporter);
        if (rewards != address(0) && IAccessControl(rewards).hasRole(KEEPER_ROLE, reporter)) {
            revert ReporterIsKeeper(reporter);
        }
        uint32 from = _change();
        uint256 taken = _registry.seats | _registry.seatsBefore;
        uint8 seat = 0;
        while (seat < MAX_REPORTERS && taken & (1 << seat) != 0) ++seat;
        if (seat == MAX_REPORTERS) revert TooManyReporters(MAX_REPORTERS);
        _registry.seats |= uint8(1 << seat);
        _seat(reporter, seat, from);
    }

    /// @notice See IHeartbeatRegistry.removeReporter.
    function removeReporter(address reporter) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (!_holdsSeat(reporter)) revert ReporterUnknown(reporter);
        Reporter memory r = _reporters[reporter];
        uint32 from = _change();
        _registry.seats &= ~uint8(1 << (r.seatPlusOne - 1));
        if (r.until > from) _reporters[reporter].until = from;
        emit ReporterRemoved(reporter, r.seatPlusOne - 1, from - 1);
    }

    /// @notice See IHeartbeatRegistry.expelReporter.
    function expelReporter(address reporter) external onlyRole(GUARDIAN_ROLE) {
        Reporter memory r = _reporters[reporter];
        if (r.seatPlusOne == 0) revert ReporterUnknown(reporter);
        _reporters[reporter].until = 0;
        _reporters[reporter].expelled = true;
        // A seat that has passed on holds another's pushes now.
        if (_seatHolders[r.seatPlusOne - 1] == reporter) _dropPushes(r.seatPlusOne - 1);
        emit ReporterExpelled(reporter, r.seatPlusOne - 1);
    }

    /// @notice See IHeartbeatRegistry.isReporter: a holder of a seat now or in a cycle to come.
    function isReporter(address account) public view returns (bool) {
        Reporter memory r = _reporters[account];
        return r.seatPlusOne != 0 && r.until >= cycleAt(block.timestamp) && !r.expelled;
    }

    /// @notice See IHeartbeatRegistry.reportersOf.
    function reportersOf(uint32 cycle) external view returns (address[] memory list) {
        uint256 seats = _seatsAt(cycle, _registry);
        list = new address[](MAX_REPORTERS);
        uint256 n = 0;
        for (uint256 seat = 0; seat < MAX_REPORTERS; ++seat) {
            if (seats & (1 << seat) != 0) list[n++] = _seatHolders[seat];
        }
        assembly ("memory-safe") {
            mstore(list, n)
        }
    }

    /// @return The reporter set of the cycle: exact for every cycle that is not settled.
    function _seatsAt(uint32 cycle, Registry memory r) internal pure returns (uint8) {
        return cycle >= r.seatsFrom ? r.seats : r.seatsBefore;
    }

    /// @return Whether the reporter is in the newest set; an expelled one is until the admin removes it.
    function _holdsSeat(address reporter) private view returns (bool) {
        uint8 seatPlusOne = _reporters[reporter].seatPlusOne;
        if (seatPlusOne == 0 || _seatHolders[seatPlusOne - 1] != reporter) return false;
        return _registry.seats & (1 << (seatPlusOne - 1)) != 0;
    }

    /// @dev Takes a reporter's pushes out of the open lanes.
    function _dropPushes(uint8 seat) internal virtual;

    /// @return from The cycle from which a change of the set is in force. Two sets are kept; a third is possible once
    /// no unsettled cycle needs the oldest.
    function _change() private returns (uint32 from) {
        Registry memory r = _registry;
        from = _nextCycle();
        if (r.seatsFrom == from) return from;
        if (r.settledThrough + 1 < r.seatsFrom) revert ReporterChangePending(r.seatsFrom);
        _registry.seatsBefore = r.seats;
        _registry.seatsFrom = from;
    }

    function _seat(address reporter, uint8 seat, uint32 from) private {
        _seatHolders[seat] = reporter;
        _reporters[reporter] = Reporter({
            seatPlusOne: seat + 1,
            from: from,
            until: FOREVER,
            expelled: false
        });
        emit ReporterAdded(reporter, seat, from);
    }
}
