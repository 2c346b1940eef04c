// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {HeartbeatRegistry} from "../../contracts/HeartbeatRegistry.sol";
import {ValidatorRewards} from "../../contracts/ValidatorRewards.sol";
import {IHeartbeatRegistry} from "../../contracts/interfaces/IHeartbeatRegistry.sol";
import {IValidatorRewards} from "../../contracts/interfaces/IValidatorRewards.sol";
import {ERC20Mock} from "../../contracts/mocks/ERC20Mock.sol";
import {RefusingReceiver} from "../../contracts/mocks/RefusingReceiver.sol";
import {SolvencyGhost} from "./SolvencyGhost.sol";
import {vm} from "./Vm.sol";

/// @title What anybody may do to the system in any order, at any time: the fuzzer chooses
/// @notice Every action may fail; what it did is held against the books that SolvencyGhost keeps by itself.
contract SolvencyHandler is SolvencyGhost {
    uint32 private constant FIRST_CUT = 480_000 * 3_600;
    uint32 private constant PUSH_WINDOW = 4 hours;
    uint256 private constant HOURS = 24;

    /// @dev More would only make the books longer: settled cycles stay payable.
    uint256 private constant MAX_PAST = 6;

    /// @dev A payee that burns all it gets would burn for minutes with the test's own gas.
    uint256 private constant CALL_GAS = 8_000_000;
    address private constant KEEPER = address(0xaaaa);
    address private constant REPORTER = address(0xbbbb);
    address private constant STRANGER = address(0xcccc);

    uint256 private _clock = FIRST_CUT - 1 days;

    constructor(bool native) {
        vm.warp(_clock);
        token = native ? ERC20Mock(address(0)) : new ERC20Mock();
        registry = new HeartbeatRegistry(
            address(this),
            address(this),
            REPORTER,
            FIRST_CUT,
            PUSH_WINDOW
        );
        rewards = new ValidatorRewards(
            address(this),
            address(this),
            KEEPER,
            registry,
            address(token),
            SPONSOR,
            params(false, 0)
        );
        registry.setRewards(address(rewards));
        IHeartbeatRegistry.Entry[] memory entries = new IHeartbeatRegistry.Entry[](VALIDATORS);
        for (uint256 i = 0; i < VALIDATORS; ++i) {
            // Validators 0 and 1 share a payee.
            if (i != 1) payees.push(new RefusingReceiver(RefusingReceiver.Mode.Accept));
            weights[i] = uint96(1 + i * 7);
            address fund = address(payeeOf(i));
            entries[i] = IHeartbeatRegistry.Entry(address(uint160(0x1000 + i)), fund, weights[i]);
        }
        registry.addValidators(entries);
        if (!native) token.approve(address(rewards), type(uint256).max);
    }

    receive() external payable {}

    // ------------------------------------------------------------------ money in

    function fund(uint96 amount) external {
        vm.warp(_clock);
        if (native()) vm.deal(address(this), amount);
        else token.mint(address(this), amount);
        try rewards.fund{value: native() ? amount : 0}(amount) {
            funded += amount;
        } catch {}
    }

    /// @notice Money that comes without `fund` is nobody's until skimmed.
    function force(uint64 amount) external {
        if (native()) vm.deal(address(rewards), address(rewards).balance + amount);
        else token.mint(address(rewards), amount);
        forced += amount;
    }

    function skim() external {
        vm.warp(_clock);
        try rewards.skim() {
            funded += forced;
            forced = 0;
        } catch {}
    }

    // ------------------------------------------------------------------ evidence

    /// @notice The rest of the open cycle, hour by hour, most hours with most validators; then past its cut.
    function pushDay(uint256 seed) external {
        uint256 end =
            FIRST_CUT + ((_clock < FIRST_CUT ? 0 : (_clock - FIRST_CUT) / 1 days) + 1) * 1 days;
        uint256 gaps =
            uint256(keccak256(abi.encode(seed, "gaps"))) & seed & (seed >> 64) & (seed >> 128);
        for (uint256 hour = end / 3_600 - HOURS; hour < end / 3_600; ++hour) {
            if ((gaps >> (hour % HOURS)) & 1 == 1) continue;
            if ((hour + 1) * 3_600 <= _clock) continue;
            _clock = (hour + 1) * 3_600;
            pushHour(uint256(keccak256(abi.encode(seed, hour))), 0);
        }
        _clock = end;
        vm.warp(_clock);
    }

    /// @notice The hour that ended `ago` hours before the clock, perhaps once more.
    function pushHour(uint256 seed, uint8 ago) public {
        vm.warp(_clock);
        uint32 hour = uint32(_clock / 3_600 - 1 - (ago % 6));
        uint256[] memory words = new uint256[](1);
        words[0] = (seed | (seed >> 32) | (seed >> 64)) & ((1 << VALIDATORS) - 1);
        vm.prank(REPORTER);
        try registry.pushStatus(words, hour) {
            noteSnapshot(registry.cycleAt(uint256(hour) * 3_600), hour % HOURS, words[0]);
        } catch {}
    }

    function warp(uint32 seconds_) external {
        _clock += seconds_ % 2 days;
        vm.warp(_clock);
    }

    /// @notice Long silences: sweeps and the return to the sponsor become possible.
    function warpFar(uint32 seconds_) external {
        if (seconds_ % 8 != 0) return;
        _clock += seconds_ % 100 days;
        vm.warp(_clock);
    }

    // ------------------------------------------------------------------ decision

    function extract(bool asKeeper) external {
        vm.warp(_clock);
        uint32 n = rewards.nextCycle();
        uint256 pool = rewards.books().pool;
        vm.prank(asKeeper ? KEEPER : STRANGER);
        try rewards.extract(n) {
            noteExtract(n, pool);
        } catch {}
    }

    function extractPage(bool asKeeper) external {
        vm.warp(_clock);
        uint32 n = rewards.nextCycle();
        uint256 pool = rewards.books().pool;
        vm.prank(asKeeper ? KEEPER : STRANGER);
        try rewards.extractPage(n, 16) {
            noteExtract(n, pool);
        } catch {}
    }

    function voidCycle(uint8 back) external {
        vm.warp(_clock);
        uint32 n = pick(back);
        try rewards.voidCycle(n) {
            noteVoid(n);
        } catch {}
    }

    function setParams(bool weighted, uint24 delay) external {
        vm.warp(_clock);
        try rewards.setParams(params(weighted, delay % 3 == 0 ? delay % 2 hours : 0)) {} catch {}
    }

    // ------------------------------------------------------------------ hand

    function transfer(uint8 back, uint8 mask, bool asKeeper) external {
        vm.warp(_clock);
        uint32 n = pick(back);
        (uint256[] memory words, uint256[] memory masks) = (new uint256[](2), new uint256[](2));
        // The same word twice, and a bit of nobody.
        masks[0] = uint256(mask) | (1 << 200);
        masks[1] = masks[0];
        Before memory before = look(n);
        vm.prank(asKeeper ? KEEPER : STRANGER);
        try rewards.extractTransfer{gas: CALL_GAS}(n, words, masks) {
            notePaid(n, before, mask);
            if (!asKeeper)
                check(rewards.books().credits == before.credits, "a stranger made a credit");
        } catch {}
    }

    function claim(uint8 back, uint8 who) external {
        vm.warp(_clock);
        uint32 n = pick(back);
        uint32 index = uint32(who % VALIDATORS);
        uint32[] memory cycles = new uint32[](2);
        // The same cycle twice.
        cycles[0] = n;
        cycles[1] = n;
        Before memory before = look(n);
        vm.prank(address(payeeOf(index)));
        try rewards.claim{gas: CALL_GAS}(cycles, index) {
            notePaid(n, before, 1 << index);
        } catch {}
    }

    function sweep(uint8 back, uint8 mask) external {
        vm.warp(_clock);
        uint32 n = pick(back);
        (uint256[] memory words, uint256[] memory masks) = (new uint256[](1), new uint256[](1));
        masks[0] = mask;
        Before memory before = look(n);
        try rewards.sweep(n, words, masks) {
            notePaid(n, before, mask);
        } catch {}
    }

    function withdraw(uint8 who) external {
        vm.warp(_clock);
        try rewards.withdraw{gas: CALL_GAS}(address(payeeOf(who % VALIDATORS))) {} catch {}
    }

    function returnToSponsor() external {
        vm.warp(_clock);
        try rewards.returnToSponsor() {} catch {}
    }

    // ------------------------------------------------------------------ people

    function pause(uint32 duration) external {
        vm.warp(_clock);
        if (duration % 4 != 0) return;
        try rewards.pauseFor(duration % 3 days) {} catch {}
    }

    function unpause() external {
        vm.warp(_clock);
        try rewards.unpause() {} catch {}
    }

    /// @notice A payee accepts, reverts, burns its gas, returns a bomb, or comes back in.
    function behave(uint8 who, uint8 mode) external {
        RefusingReceiver payee = payeeOf(who % VALIDATORS);
        if (native()) {
            payee.setMode(RefusingReceiver.Mode(mode % 4));
            if (mode % 8 == 7) {
                payee.reenter(address(rewards), abi.encodeCall(rewards.withdraw, (address(payee))));
            }
        } else {
            token.setBlocked(address(payee), mode % 2 == 1);
        }
    }

    /// @notice The weight counts from the next cycle on.
    function setWeight(uint8 who, uint96 weight) external {
        vm.warp(_clock);
        uint32[] memory indices = new uint32[](1);
        uint96[] memory list = new uint96[](1);
        (indices[0], list[0]) = (uint32(who % VALIDATORS), weight);
        try registry.setWeights(indices, list) {
            noteWeight(registry.cycleAt(_clock) + 1, indices[0], weight);
        } catch {}
    }

    // ------------------------------------------------------------------ inside

    function params(
        bool weighted,
        uint256 delay
    ) private pure returns (IValidatorRewards.Params memory) {
        return
            IValidatorRewards.Params({
                rateBps: 8_000,
                minSnapshots: 20,
                weighted: weighted,
                payAll: false,
                maxRefused: 2,
                stipend: 100_000,
                grace: 1 hours,
                settleDelay: uint24(delay),
                cap: type(uint128).max
            });
    }

    /// @return One of the last decided cycles, or the next, which is not.
    function pick(uint8 back) private view returns (uint32) {
        uint32 next = rewards.nextCycle();
        uint256 past = back % MAX_PAST;
        return past < next ? uint32(next - past) : 1;
    }
}
