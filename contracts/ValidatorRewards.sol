// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IHeartbeatRegistry} from "./interfaces/IHeartbeatRegistry.sol";
import {IValidatorRewards} from "./interfaces/IValidatorRewards.sol";
import {Extraction} from "./rewards/Extraction.sol";
import {Parameters} from "./rewards/Parameters.sol";
import {Transfers} from "./rewards/Transfers.sol";
import {Treasury} from "./rewards/Treasury.sol";

/// @title Decision and hand: extract fixes what each validator earns, transfer pays it, once
/// @notice Parts: Treasury (money and totals), Pausing, Credits, Parameters, Extraction (phase 1), Transfers (phase 2).
contract ValidatorRewards is Transfers {
    /// @dev A page that is not the last costs its sender at least this many words of work (about 1.3 M gas), so that
    /// nobody can keep a cycle in Counting with crumbs.
    uint256 public constant MIN_PAGE_WORDS = 16;

    /// @dev Bounds a view's work; a year and a bit.
    uint256 private constant MAX_VIEW_CYCLES = 400;

    /// @param admin Timelock: grants, additions, raises.
    /// @param guardian May only revoke, lower, void and pause.
    /// @param keeper Extracts and transfers; never a reporter of the registry.
    /// @param token ERC-20, or zero for the native coin.
    /// @param sponsor Gets the pool back when nothing settled for 90 days.
    constructor(
        address admin,
        address guardian,
        address keeper,
        IHeartbeatRegistry registry,
        address token,
        address sponsor,
        Params memory params
    ) Treasury(registry, token, sponsor) Parameters(params) EIP712("Muster ValidatorRewards", "1") {
        if (admin == address(0) || guardian == address(0) || keeper == address(0))
            revert BadRecipient(address(0));
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(GUARDIAN_ROLE, guardian);
        _grantRole(KEEPER_ROLE, keeper);
    }

    /// @inheritdoc IValidatorRewards
    function extract(uint32 n) external nonReentrant whenNotPaused {
        Extraction.run(_s, _caller(), n, type(uint256).max);
    }

    /// @inheritdoc IValidatorRewards
    function extractPage(
        uint32 n,
        uint256 maxWords
    ) external nonReentrant whenNotPaused returns (bool done) {
        if (maxWords < MIN_PAGE_WORDS) revert PageTooSmall(maxWords, MIN_PAGE_WORDS);
        return Extraction.run(_s, _caller(), n, maxWords);
    }

    /// @inheritdoc IValidatorRewards
    function voidCycle(uint32 n) external onlyRole(GUARDIAN_ROLE) {
        Extraction.void(_s, n);
    }

    /// @inheritdoc IValidatorRewards
    function previewExtract(
        uint32 n
    ) external view returns (uint256 eligible, uint256 pool, uint256 share, bool isFinal) {
        return Extraction.preview(_s, REGISTRY, n);
    }

    /// @inheritdoc IValidatorRewards
    function revokeKeeper(address keeper) external onlyRole(GUARDIAN_ROLE) {
        _revokeRole(KEEPER_ROLE, keeper);
    }

    /// @inheritdoc IValidatorRewards
    function nextCycle() external view returns (uint32) {
        return _s.book.next;
    }

    /// @inheritdoc IValidatorRewards
    function balanceOf(
        address node,
        uint32 fromCycle,
        uint32 toCycle
    ) external view returns (uint256 sum) {
        _checkRange(fromCycle, toCycle);
        uint32 index = REGISTRY.indexOf(node);
        for (uint32 n = fromCycle; n <= toCycle; ++n) sum += rewardOf(n, index);
    }

    /// @inheritdoc IValidatorRewards
    function oldestUnpaid(uint32 fromCycle, uint32 toCycle) external view returns (uint32) {
        _checkRange(fromCycle, toCycle);
        for (uint32 n = fromCycle; n <= toCycle; ++n) {
            if (_hasUnpaid(n)) return n;
        }
        return 0;
    }

    /// @dev Keeper and reporter are disjoint by code (R-50): one stolen key must not both make and settle evidence.
    function _grantRole(bytes32 role, address account) internal override returns (bool) {
        if (role == KEEPER_ROLE && REGISTRY.isReporter(account)) revert KeeperIsReporter(account);
        return super._grantRole(role, account);
    }

    function _caller() private view returns (Extraction.Caller memory) {
        return
            Extraction.Caller({
                registry: REGISTRY,
                token: TOKEN,
                isKeeper: hasRole(KEEPER_ROLE, msg.sender)
            });
    }

    function _checkRange(uint32 fromCycle, uint32 toCycle) private pure {
        uint256 given = toCycle < fromCycle ? 0 : uint256(toCycle) - fromCycle + 1;
        if (given > MAX_VIEW_CYCLES) revert RangeTooLong(given, MAX_VIEW_CYCLES);
    }
}
