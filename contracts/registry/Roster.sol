// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {CodePage} from "../libraries/CodePage.sol";
import {RosterPage} from "../libraries/RosterPage.sol";
import {RegistryBase} from "./RegistryBase.sol";

/// @title The roster: index, node, fund address, weight, and from which cycle to which a validator counts
/// @notice A roster word is 256 validators: a mask of the active ones and a page of fund addresses and weights kept as
/// code. A change makes a new version that is in force from the next cycle on; older versions stay readable, so a
/// cycle pins the version it was opened with without storing anything (docs/decisions/0002-roster-versions.md).
abstract contract Roster is RegistryBase {
    uint256 internal constant WORD = 256;

    /// @dev 131,072 validators. Bounds the ring of snapshot words; a push of all would cost about 2.6 M gas.
    uint256 public constant MAX_WORDS = 512;

    /// @dev One full word: registering it takes about 10 M gas of the 2^24 that a transaction may use (EIP-7825).
    uint256 public constant MAX_ENTRIES = 256;

    /// @dev Layout of a head: page (160 bits) | redirected (1) | … | fromCycle (32, from bit 168) | version (32).
    uint256 internal constant REDIRECTED = 1 << 160;
    uint256 private constant FROM_SHIFT = 168;
    uint256 private constant VERSION_SHIFT = 200;
    uint32 private constant FOREVER = type(uint32).max;

    struct Node {
        uint32 indexPlusOne;
        uint32 activeFrom;
        uint32 activeTo;
    }

    struct Version {
        uint256 head;
        uint256 mask;
    }

    uint256[MAX_WORDS] private _heads;
    uint256[MAX_WORDS] private _masks;
    address[MAX_WORDS] private _nodePages;
    mapping(uint256 word => mapping(uint256 version => Version)) private _history;
    mapping(address node => Node) private _nodes;
    mapping(uint256 word => uint256) public redirectMask;
    mapping(address fund => mapping(uint256 index => address)) private _redirects;

    // ------------------------------------------------------------------ changes

    /// @notice See IHeartbeatRegistry.addValidators.
    function addValidators(Entry[] calldata entries) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _checkLength(entries.length);
        uint256 first = _registry.count;
        uint256 end = first + entries.length;
        if (end > MAX_WORDS * WORD) revert RosterFull(end, MAX_WORDS * WORD);
        uint32 from = _nextCycle();
        for (uint256 done = 0; done < entries.length;) {
            uint256 slots = WORD - ((first + done) % WORD);
            uint256 left = entries.length - done;
            uint256 take = slots < left ? slots : left;
            _append(entries[done:done + take], first + done, from);
            done += take;
        }
        if (_registry.countFrom != from) {
            _registry.countBefore = uint32(first);
            _registry.countFrom = from;
        }
        _registry.count = uint32(end);
    }

    /// @notice See IHeartbeatRegistry.removeValidators.
    function removeValidators(uint32[] calldata indices) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _checkLength(indices.length);
        uint32 from = _nextCycle();
        for (uint256 i = 0; i < indices.length; ++i) {
            uint32 index = indices[i];
            _active(index);
            _nodes[_nodeAt(index)].activeTo = from - 1;
            (, uint256 word) = _pending(index, from);
            _masks[word] &= ~(1 << (index % WORD));
            emit ValidatorRemoved(index, from - 1);
        }
    }

    /// @notice See IHeartbeatRegistry.setFunds.
    function setFunds(
        uint32[] calldata indices,
        address[] calldata funds
    ) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _checkLength(indices.length);
        if (indices.length != funds.length) revert LengthMismatch(indices.length, funds.length);
        uint32 from = _nextCycle();
        for (uint256 i = 0; i < indices.length;) {
            (uint256 word, bytes memory page) = _load(indices[i]);
            for (; i < indices.length && indices[i] / WORD == word; ++i) {
                _active(indices[i]);
                _checkFund(funds[i]);
                (, uint96 weight) = RosterPage.entry(page, indices[i]);
                RosterPage.setEntry(page, indices[i], funds[i], weight);
                emit FundChanged(indices[i], funds[i], from);
            }
            _replace(uint32(word * WORD), page, from);
        }
    }

    /// @notice See IHeartbeatRegistry.setWeights.
    function setWeights(
        uint32[] calldata indices,
        uint96[] calldata weights
    ) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _checkLength(indices.length);
        if (indices.length != weights.length) revert LengthMismatch(indices.length, weights.length);
        uint32 from = _nextCycle();
        for (uint256 i = 0; i < indices.length;) {
            (uint256 word, bytes memory page) = _load(indices[i]);
            for (; i < indices.length && indices[i] / WORD == word; ++i) {
                _active(indices[i]);
                (address fund, ) = RosterPage.entry(page, indices[i]);
                RosterPage.setEntry(page, indices[i], fund, weights[i]);
                emit WeightChanged(indices[i], weights[i], from);
            }
            _replace(uint32(word * WORD), page, from);
        }
    }

    /// @notice See IHeartbeatRegistry.redirect. Who holds a validator's pay now decides where it goes, so an address that
    /// gave it away cannot take it back. Kept by fund address and validator: what an earlier fund address of a validator
    /// did says nothing about the pay of a later one.
    function redirect(address fund, uint32 cycle, uint32[] calldata indices, address to) external {
        _checkLength(indices.length);
        _checkFund(to);
        for (uint256 i = 0; i < indices.length; ++i) {
            uint32 index = indices[i];
            if (_fundAt(cycle, index) != fund) revert FundMismatch(index, fund);
            address holder = redirectOf(fund, index);
            if (msg.sender != holder) revert NotFundOwner(msg.sender, holder);
            _redirects[fund][index] = to;
            redirectMask[index / WORD] |= 1 << (index % WORD);
            _heads[index / WORD] |= REDIRECTED;
        }
        emit FundRedirected(fund, to, indices);
    }

    // ------------------------------------------------------------------ views

    /// @notice See IHeartbeatRegistry.validatorCount.
    function validatorCount() public view returns (uint32) {
        return _registry.count;
    }

    /// @notice See IHeartbeatRegistry.rosterWords.
    function rosterWords(
        uint32 cycle,
        uint256 first,
        uint256 count
    ) external view returns (uint256[] memory masks, uint256[] memory pages) {
        masks = new uint256[](count);
        pages = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            (pages[i], masks[i]) = _versionAt(cycle, first + i);
        }
    }

    /// @notice See IHeartbeatRegistry.rosterPages.
    function rosterPages(
        uint32 cycle,
        uint256[] calldata words
    ) external view returns (uint256[] memory) {
        // Answered from where it is built: every batch asks, and encoding the list again would double its price.
        uint256 answer;
        assembly ("memory-safe") {
            answer := mload(0x40)
            mstore(answer, 0x20)
            mstore(add(answer, 0x20), words.length)
        }
        uint256 at = answer + 0x40;
        for (uint256 i = 0; i < words.length; ++i) {
            uint256 page = _pageAt(cycle, words[i]);
            assembly ("memory-safe") {
                mstore(at, page)
                at := add(at, 0x20)
            }
        }
        assembly ("memory-safe") {
            return(answer, sub(at, answer))
        }
    }

    /// @notice See IHeartbeatRegistry.redirectOf.
    function redirectOf(address fund, uint32 index) public view returns (address to) {
        to = _redirects[fund][index];
        return to == address(0) ? fund : to;
    }

    /// @notice See IHeartbeatRegistry.fundOf.
    function fundOf(uint32 cycle, uint32 index) external view returns (address) {
        return redirectOf(_fundAt(cycle, index), index);
    }

    /// @notice See IHeartbeatRegistry.validator: as the newest version has it.
    function validator(uint32 index) external view returns (Validator memory v) {
        if (index >= _registry.count) revert UnknownValidator(index);
        v.node = _nodeAt(index);
        (, bytes memory page) = _load(index);
        (v.fund, v.weight) = RosterPage.entry(page, index);
        Node memory node = _nodes[v.node];
        // A node that came back has a newer index: its record speaks of that one.
        if (node.indexPlusOne == index + 1)
            (v.activeFrom, v.activeTo) = (node.activeFrom, node.activeTo);
    }

    /// @notice See IHeartbeatRegistry.indexOf.
    function indexOf(address node) external view returns (uint32) {
        uint32 plusOne = _nodes[node].indexPlusOne;
        if (plusOne == 0) revert UnknownNode(node);
        return plusOne - 1;
    }

    // ------------------------------------------------------------------ inside

    /// @return Roster size for the cycle: exact for the cycle that is open; for an older one possibly larger, which
    /// admits bits that the cycle's mask takes out at extract.
    function _sizeAt(uint32 cycle, Registry memory r) internal pure returns (uint256) {
        return cycle >= r.countFrom ? r.count : r.countBefore;
    }

    function _maskAt(uint32 cycle, uint256 word) internal view returns (uint256 mask) {
        if (uint32(_heads[word] >> FROM_SHIFT) <= cycle) return _masks[word];
        (, mask) = _versionAt(cycle, word);
    }

    function _nodeAt(uint256 index) internal view returns (address node) {
        CodePage.copy(_nodePages[index / WORD], 0, (index % WORD) * RosterPage.NODE_BYTES, 32);
        assembly ("memory-safe") {
            node := shr(96, mload(0x00))
        }
    }

    function _pageAt(uint32 cycle, uint256 word) private view returns (uint256 page) {
        if (word >= MAX_WORDS) return 0;
        uint256 head = _heads[word];
        if (uint32(head >> FROM_SHIFT) <= cycle) return head & (REDIRECTED | type(uint160).max);
        (page, ) = _versionAt(cycle, word);
    }

    /// @return page The page in force in the cycle, with the word's redirect flag of today; 0 when there is none.
    /// @return mask The validators active in it.
    function _versionAt(
        uint32 cycle,
        uint256 word
    ) private view returns (uint256 page, uint256 mask) {
        if (word >= MAX_WORDS) return (0, 0);
        uint256 head = _heads[word];
        uint256 flag = head & REDIRECTED;
        if (uint32(head >> FROM_SHIFT) <= cycle)
            return ((head & type(uint160).max) | flag, _masks[word]);
        // Newest older version with fromCycle <= cycle, by binary search: [low, high) narrows to it.
        uint256 low = 0;
        uint256 high = uint32(head >> VERSION_SHIFT);
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (uint32(_history[word][middle].head >> FROM_SHIFT) <= cycle) low = middle + 1;
            else high = middle;
        }
        if (low == 0) return (0, 0);
        Version storage v = _history[word][low - 1];
        return ((v.head & type(uint160).max) | flag, v.mask);
    }

    function _fundAt(uint32 cycle, uint32 index) private view returns (address fund) {
        address page = address(uint160(_pageAt(cycle, index / WORD)));
        CodePage.copy(page, 0, (index % WORD) * RosterPage.ENTRY_BYTES, RosterPage.ENTRY_BYTES);
        assembly ("memory-safe") {
            fund := shr(96, mload(0x00))
        }
        if (fund == address(0)) revert UnknownValidator(index);
    }

    /// @dev Appends entries that all lie in the word of index `first`.
    function _append(Entry[] calldata entries, uint256 first, uint32 from) private {
        uint256 word = first / WORD;
        uint256 offset = first % WORD;
        bytes memory page = RosterPage.read(
            address(uint160(_heads[word])),
            offset * RosterPage.ENTRY_BYTES,
            entries.length * RosterPage.ENTRY_BYTES
        );
        bytes memory nodes = RosterPage.read(
            _nodePages[word],
            offset * RosterPage.NODE_BYTES,
            entries.length * RosterPage.NODE_BYTES
        );
        for (uint256 i = 0; i < entries.length; ++i) {
            Entry calldata e = entries[i];
            _register(e, uint32(first + i), from);
            RosterPage.setEntry(page, uint32(first + i), e.fund, e.weight);
            RosterPage.setNode(nodes, offset + i, e.node);
        }
        _nodePages[word] = CodePage.write(nodes);
        _replace(uint32(first), page, from);
        // A full word has 256 entries and shifts by 0: all ones.
        _masks[word] |= (type(uint256).max >> (WORD - entries.length)) << offset;
    }

    function _register(Entry calldata e, uint32 index, uint32 from) private {
        if (e.node == address(0)) revert ZeroAddress();
        _checkFund(e.fund);
        Node memory known = _nodes[e.node];
        if (known.indexPlusOne != 0 && known.activeTo == FOREVER)
            revert DuplicateNode(e.node, known.indexPlusOne - 1);
        _nodes[e.node] = Node({indexPlusOne: index + 1, activeFrom: from, activeTo: FOREVER});
        emit ValidatorAdded(index, e.node, e.fund, e.weight, from);
    }

    /// @dev Makes sure that the word of `index` has a version in force from `from` on: the first change of a cycle
    /// keeps the version before it, later ones change the pending version (R-13: at most one).
    function _pending(uint32 index, uint32 from) private returns (uint256 head, uint256 word) {
        word = index / WORD;
        head = _heads[word];
        if (uint32(head >> FROM_SHIFT) == from) return (head, word);
        uint256 version = uint32(head >> VERSION_SHIFT);
        if (head != 0) {
            _history[word][version] = Version({head: head, mask: _masks[word]});
            ++version;
        }
        head =
            (head & (REDIRECTED | type(uint160).max)) |
            (uint256(from) << FROM_SHIFT) |
            (version << VERSION_SHIFT);
        _heads[word] = head;
    }

    function _replace(uint32 index, bytes memory page, uint32 from) private {
        (uint256 head, uint256 word) = _pending(index, from);
        _heads[word] = (head & ~uint256(type(uint160).max)) | uint160(CodePage.write(page));
    }

    /// @return word The word of `index`, page Its newest entries.
    function _load(uint32 index) private view returns (uint256 word, bytes memory page) {
        if (index >= _registry.count) revert UnknownValidator(index);
        word = index / WORD;
        address at = address(uint160(_heads[word]));
        return (word, RosterPage.read(at, at.code.length - CodePage.PREFIX, 0));
    }

    /// @dev Only a validator that counts in the next cycle can be changed.
    function _active(uint32 index) private view {
        if (index >= _registry.count) revert UnknownValidator(index);
        if (_masks[index / WORD] & (1 << (index % WORD)) != 0) return;
        revert ValidatorGone(index, _nodes[_nodeAt(index)].activeTo);
    }

    /// @dev Refuses addresses at which a payment would be lost or come back (R-33).
    function _checkFund(address fund) private view {
        if (fund == address(0)) revert ZeroAddress();
        if (rewards == address(0)) revert RewardsNotSet();
        if (fund == rewards || fund == _asset || fund == address(this)) revert ForbiddenFund(fund);
    }

    function _checkLength(uint256 length) private pure {
        if (length == 0) revert ListEmpty();
        if (length > MAX_ENTRIES) revert ListTooLong(length, MAX_ENTRIES);
    }
}
