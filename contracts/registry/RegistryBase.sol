// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IHeartbeatRegistry} from "../interfaces/IHeartbeatRegistry.sol";
import {IValidatorRewards} from "../interfaces/IValidatorRewards.sol";
import {CycleGrid} from "../libraries/CycleGrid.sol";

/// @title What the registry's parts share: grid, roles, the packed state
abstract contract RegistryBase is IHeartbeatRegistry, AccessControl {
    bytes32 public constant GUARDIAN_ROLE = keccak256("GUARDIAN_ROLE");

    /// @dev One slot, because a push reads all of it: 2,100 gas instead of 6,300.
    struct Registry {
        uint32 count; // validators ever registered
        uint32 countFrom; // first cycle in which `count` is in force
        uint32 countBefore; // roster size before countFrom
        uint32 frozenThrough; // cycles whose evidence is closed
        uint32 settledThrough; // cycles whose lane may be overwritten
        uint32 seatsFrom; // first cycle in which `seats` is in force
        uint8 seats; // bit s: seat s is in the reporter set
        uint8 seatsBefore; // the set before seatsFrom
    }

    uint40 public immutable FIRST_CUT;
    uint32 public immutable PUSH_WINDOW;
    address private immutable DEPLOYER;

    /// @dev A window shorter than the finality delay would make hours final that may still be pushed; one longer than
    /// 12 hours could reach over a lane's reuse.
    uint256 private constant MIN_PUSH_WINDOW = 1 hours;
    uint256 private constant MAX_PUSH_WINDOW = 12 hours;

    Registry internal _registry;
    address public rewards;
    address internal _asset;

    constructor(address admin, address guardian, uint40 firstCut, uint32 pushWindow) {
        if (admin == address(0) || guardian == address(0)) revert ZeroAddress();
        if (firstCut == 0 || firstCut % CycleGrid.HOUR != 0) revert BadGrid(firstCut, pushWindow);
        if (pushWindow < MIN_PUSH_WINDOW || pushWindow > MAX_PUSH_WINDOW)
            revert BadGrid(firstCut, pushWindow);
        FIRST_CUT = firstCut;
        PUSH_WINDOW = pushWindow;
        DEPLOYER = msg.sender;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(GUARDIAN_ROLE, guardian);
    }

    modifier onlyRewards() {
        if (msg.sender != rewards) revert NotRewards(msg.sender);
        _;
    }

    /// @inheritdoc IHeartbeatRegistry
    function setRewards(address rewards_) external {
        if (msg.sender != DEPLOYER) revert NotDeployer(msg.sender);
        if (rewards != address(0)) revert RewardsAlreadySet(rewards);
        if (rewards_ == address(0)) revert ZeroAddress();
        rewards = rewards_;
        _asset = IValidatorRewards(rewards_).asset();
        emit RewardsSet(rewards_);
    }

    /// @inheritdoc IHeartbeatRegistry
    function cycleAt(uint256 timestamp) public view returns (uint32) {
        return CycleGrid.at(FIRST_CUT, timestamp);
    }

    /// @inheritdoc IHeartbeatRegistry
    function cutOf(uint32 cycle) external view returns (uint256) {
        return CycleGrid.cut(FIRST_CUT, cycle);
    }

    /// @inheritdoc IHeartbeatRegistry
    function settledThrough() external view returns (uint32) {
        return _registry.settledThrough;
    }

    /// @dev Every change of roster and reporters takes effect at the next cut (R-11, R-13, R-20).
    function _nextCycle() internal view returns (uint32) {
        return cycleAt(block.timestamp) + 1;
    }
}
