// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {BitSlice} from "./libraries/BitSlice.sol";
import {CycleGrid} from "./libraries/CycleGrid.sol";
import {OnlineRate} from "./libraries/OnlineRate.sol";
import {Lanes} from "./registry/Lanes.sol";
import {RegistryBase} from "./registry/RegistryBase.sol";
import {Reporters} from "./registry/Reporters.sol";

/// @title Evidence: one bitmap of online validators an hour, and the online rate counted from it
contract HeartbeatRegistry is Lanes {
    constructor(
        address admin,
        address guardian,
        address reporter,
        uint40 firstCut,
        uint32 pushWindow
    ) RegistryBase(admin, guardian, firstCut, pushWindow) Reporters(reporter) {}

    // ------------------------------------------------------------------ evidence comes in

    /// @notice See IHeartbeatRegistry.pushStatus.
    function pushStatus(uint256[] calldata words, uint32 hour) external {
        uint32 cycle = cycleAt(uint256(hour) * CycleGrid.HOUR);
        Reporter memory reporter = _reporters[msg.sender];
        if (reporter.seatPlusOne == 0 || cycle < reporter.from || cycle >= reporter.until) {
            revert NotReporter(msg.sender, cycle);
        }
        Registry memory r = _registry;
        _checkHour(hour, cycle, r.frozenThrough);
        uint256 size = _sizeAt(cycle, r);
        uint256 header = _openLane(cycle, size, r);
        _checkWords(words, size, uint16(header >> WORDS_SHIFT));

        uint256 hourOfCycle = hour - CycleGrid.firstHour(FIRST_CUT, cycle);
        uint256 seat = reporter.seatPlusOne - 1;
        uint256 bit = 1 << (PUSHED_SHIFT + hourOfCycle * MAX_REPORTERS + seat);
        uint256 slot = _slot(cycle, seat, hourOfCycle);
        if (header & bit != 0) {
            emit SnapshotPushed(hour, msg.sender, _merge(slot, words));
            return;
        }
        _headers[cycle % LANES] = header | bit;
        _overwrite(slot, words);
        emit SnapshotPushed(hour, msg.sender, words);
    }

    /// @notice See IHeartbeatRegistry.freeze.
    function freeze(uint32 cycle) external onlyRewards {
        _registry.frozenThrough = cycle;
        emit RecordFrozen(cycle);
    }

    /// @notice See IHeartbeatRegistry.clearRecord.
    function clearRecord(uint32 cycle) external onlyRewards {
        _registry.frozenThrough = cycle;
        _registry.settledThrough = cycle;
        emit RecordCleared(cycle);
    }

    // ------------------------------------------------------------------ evidence is read

    /// @notice See IHeartbeatRegistry.record.
    function record(uint32 cycle) external view returns (Record memory result) {
        uint256 header = _headerOf(cycle);
        (uint256 counted, uint256 snapshots) = _countedHours(header);
        result.words = uint32(uint16(header >> WORDS_SHIFT));
        result.snapshots = uint8(snapshots);
        result.missing = uint24(~counted);
        result.isFinal = cycle != 0 && _isFinal(cycle, header);
    }

    /// @notice See IHeartbeatRegistry.eligibleWords.
    function eligibleWords(
        uint32 cycle,
        uint256 rateBps,
        uint256 first,
        uint256 count
    ) external view returns (uint256[] memory) {
        return _eligibleWords(cycle, rateBps, first, count);
    }

    /// @notice See IHeartbeatRegistry.getNodeList, of the open cycle.
    function getNodeList(uint256 rateBps) external view returns (address[] memory) {
        return getNodeList(rateBps, cycleAt(block.timestamp));
    }

    /// @notice See IHeartbeatRegistry.getNodeList.
    function getNodeList(
        uint256 rateBps,
        uint32 cycle
    ) public view returns (address[] memory nodes) {
        uint256 count = uint16(_headerOf(cycle) >> WORDS_SHIFT);
        uint256[] memory words = _eligibleWords(cycle, rateBps, 0, count);
        uint256 n = 0;
        for (uint256 w = 0; w < count; ++w) n += BitSlice.popCount(words[w]);
        nodes = new address[](n);
        n = 0;
        for (uint256 w = 0; w < count; ++w) {
            for (uint256 left = words[w]; left != 0; left &= left - 1) {
                nodes[n++] = _nodeAt(w * WORD + BitSlice.position(left & (~left + 1)));
            }
        }
    }

    /// @notice See IHeartbeatRegistry.appearances, of the open cycle.
    function appearances(uint32 index) external view returns (uint256) {
        return appearances(index, cycleAt(block.timestamp));
    }

    /// @notice See IHeartbeatRegistry.appearances.
    function appearances(uint32 index, uint32 cycle) public view returns (uint256 n) {
        uint256 header = _headerOf(cycle);
        uint256 word = index / WORD;
        if (word >= uint16(header >> WORDS_SHIFT)) return 0;
        (uint256 counted, ) = _countedHours(header);
        for (uint256 hour = 0; hour < HOURS; ++hour) {
            if (counted & (1 << hour) == 0) continue;
            n += (_majority(cycle, header, hour, word) >> (index % WORD)) & 1;
        }
    }

    /// @notice See IHeartbeatRegistry.onlineRate, of the open cycle.
    function onlineRate(uint32 index) external view returns (uint256) {
        return onlineRate(index, cycleAt(block.timestamp));
    }

    /// @notice See IHeartbeatRegistry.onlineRate.
    function onlineRate(uint32 index, uint32 cycle) public view returns (uint256) {
        uint256 snapshots = snapshotCount(cycle);
        return snapshots == 0 ? 0 : (appearances(index, cycle) * OnlineRate.BPS) / snapshots;
    }

    /// @notice See IHeartbeatRegistry.snapshotCount, of the open cycle.
    function snapshotCount() external view returns (uint256) {
        return snapshotCount(cycleAt(block.timestamp));
    }

    /// @notice See IHeartbeatRegistry.snapshotCount.
    function snapshotCount(uint32 cycle) public view returns (uint256 snapshots) {
        (, snapshots) = _countedHours(_headerOf(cycle));
    }

    /// @notice See IHeartbeatRegistry.snapshotHours.
    function snapshotHours(uint32 cycle) external view returns (uint32[] memory hoursList) {
        (uint256 counted, uint256 snapshots) = _countedHours(_headerOf(cycle));
        hoursList = new uint32[](snapshots);
        uint256 n = 0;
        for (uint256 hour = 0; hour < HOURS; ++hour) {
            if (counted & (1 << hour) == 0) continue;
            hoursList[n++] = uint32(CycleGrid.firstHour(FIRST_CUT, cycle) + hour);
        }
    }

    /// @notice See IHeartbeatRegistry.snapshotOf.
    function snapshotOf(
        uint32 hour,
        address reporter
    ) external view returns (uint256[] memory words) {
        uint32 cycle = cycleAt(uint256(hour) * CycleGrid.HOUR);
        uint256 header = _headerOf(cycle);
        uint256 seat = _reporters[reporter].seatPlusOne;
        if (header == 0 || seat == 0) return words;
        uint256 hourOfCycle = hour - CycleGrid.firstHour(FIRST_CUT, cycle);
        if ((header >> (PUSHED_SHIFT + hourOfCycle * MAX_REPORTERS + seat - 1)) & 1 == 0)
            return words;
        words = new uint256[](uint16(header >> WORDS_SHIFT));
        uint256 slot = _slot(cycle, seat - 1, hourOfCycle);
        for (uint256 i = 0; i < words.length; ++i) words[i] = _read(slot + i);
    }

    /// @notice See IHeartbeatRegistry.wordCountOf.
    function wordCountOf(uint32 cycle) external view returns (uint256) {
        uint256 header = _headerOf(cycle);
        return header == 0 ? _wordsOf(_sizeAt(cycle, _registry)) : uint16(header >> WORDS_SHIFT);
    }
}
